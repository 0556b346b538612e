//! The images of a folder, in natural order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::read_error;
use crate::error::VideoError;

const EXTENSIONS: [&str; 5] = ["jpg", "jpeg", "png", "webp", "bmp"];

/// Kinds of images; `jpeg` is the same as the first.
const KINDS: [&str; 4] = ["jpg", "webp", "bmp", "png"];

/// The content of a folder.
#[derive(Debug)]
pub(super) struct Listing {
    /// The images, in natural order.
    pub(super) images: Vec<PathBuf>,
    /// Notes about ignored files.
    pub(super) notes: Vec<String>,
}

/// Lists the images directly in `folder`. Hidden files are ignored.
pub(super) fn list_images(folder: &Path) -> Result<Listing, VideoError> {
    let mut images = Vec::new();
    let mut others = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|source| read_error(folder, source))? {
        let path = entry.map_err(|source| read_error(folder, source))?.path();
        let name = file_name(&path);
        if name.starts_with('.') {
            continue;
        }
        if is_image(&path) && path.is_file() { images.push(path) } else { others.push(name) }
    }
    images.sort_by(|a, b| natural_order(&file_name(a), &file_name(b)).then_with(|| a.cmp(b)));
    others.sort_by(|a, b| natural_order(a, b));
    if images.is_empty() {
        let found = match others.as_slice() {
            [] => "an empty folder".to_owned(),
            others => listed(others),
        };
        return Err(VideoError::NoImages { path: folder.to_path_buf(), found });
    }
    let mut notes = Vec::new();
    if !others.is_empty() {
        notes.push(format!(
            "{}: skipped files that are not images: {}",
            folder.display(),
            listed(&others)
        ));
    }
    let (images, note) = without_twins(folder, images);
    notes.extend(note);
    Ok(Listing { images, notes })
}

/// Ignores images beside others with the same name: masks, thumbnails and copies.
///
/// If names occur with several extensions, the kind (`jpg` and `jpeg` are one) with the most files is read, and of
/// equally frequent ones the first in [`KINDS`], because masks are PNGs. Duplicates of another kind are ignored, and so
/// is the whole kind if at least half of it are duplicates.
fn without_twins(folder: &Path, images: Vec<PathBuf>) -> (Vec<PathBuf>, Option<String>) {
    let mut kinds_of: BTreeMap<OsString, BTreeSet<&str>> = BTreeMap::new();
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_os_string();
    for path in &images {
        kinds_of.entry(stem(path)).or_default().insert(kind_of(path));
    }
    let with_twins = |kind: &str| {
        let twin = |kinds: &&BTreeSet<&str>| kinds.len() > 1 && kinds.contains(kind);
        kinds_of.values().filter(twin).count()
    };
    let count = |kind: &str| images.iter().filter(|path| kind_of(path) == kind).count();
    let twins: Vec<&str> = KINDS.into_iter().filter(|kind| with_twins(kind) > 0).collect();
    // The first of the most frequent ones.
    let best = |best, next| if count(next) > count(best) { next } else { best };
    let Some(kept) = twins.iter().copied().reduce(best) else { return (images, None) };
    let is_left_out = |path: &Path| {
        let kind = kind_of(path);
        let is_twin = kinds_of.get(&stem(path)).is_some_and(|kinds| {
            // Beside the selected kind, or beside one that precedes it.
            let first = KINDS.into_iter().find(|kind| kinds.contains(kind));
            if kinds.contains(kept) { kind != kept } else { Some(kind) != first }
        });
        kind != kept && (is_twin || (twins.contains(&kind) && 2 * with_twins(kind) >= count(kind)))
    };
    let (left_out, taken): (Vec<&PathBuf>, Vec<&PathBuf>) =
        images.iter().partition(|path| is_left_out(path));
    let names: Vec<String> = left_out.into_iter().map(|path| file_name(path)).collect();
    let note = format!(
        "{}: names occur with several extensions: {} {kept} files are read; ignored as masks or copies of them: {}; \
         if this is wrong, move the files to be read into a separate folder",
        folder.display(),
        taken.iter().filter(|path| kind_of(path) == kept).count(),
        listed(&names)
    );
    (taken.into_iter().cloned().collect(), Some(note))
}

/// The kind of an image by its extension, one of [`KINDS`].
fn kind_of(path: &Path) -> &'static str {
    let extension = path.extension().map(|text| text.to_string_lossy().to_ascii_lowercase());
    let extension = extension.as_deref().unwrap_or_default();
    KINDS.into_iter().find(|kind| *kind == extension).unwrap_or("jpg")
}

/// Whether the file name has an extension of still images.
pub(super) fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|text| text.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The first few of `names`, and the number of the rest.
fn listed(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Compares runs of digits by their value: `img2` comes before `img10`.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (chunk_a, rest_a) = split_chunk(a);
        let (chunk_b, rest_b) = split_chunk(b);
        let both_numbers = chunk_a.starts_with(|c: char| c.is_ascii_digit())
            && chunk_b.starts_with(|c: char| c.is_ascii_digit());
        let order = if both_numbers {
            // Without leading zeros the longer number is the larger one, which avoids overflow.
            let (value_a, value_b) =
                (chunk_a.trim_start_matches('0'), chunk_b.trim_start_matches('0'));
            value_a.len().cmp(&value_b.len()).then_with(|| value_a.cmp(value_b))
        } else {
            chunk_a.cmp(chunk_b)
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.len().cmp(&b.len())
}

/// Splits after the first run of digits, or of anything but digits.
fn split_chunk(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_compared_by_value() {
        let expected = ["a.jpg", "img1.jpg", "img02.jpg", "img2b.jpg", "img10.jpg", "img10a2.jpg"];
        let mut names = expected.to_vec();
        names.reverse();
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, expected);
        let huge = format!("{}.jpg", "9".repeat(60));
        assert_eq!(natural_order(&huge, "10.jpg"), Ordering::Greater);
        assert_eq!(natural_order("007", "7"), Ordering::Equal);
        assert_eq!(natural_order("é2", "é10"), Ordering::Less);
    }

    #[test]
    fn long_lists_are_cut() {
        let names = ["a", "b", "c", "d", "e"].map(str::to_owned);
        assert_eq!(listed(&names), "a, b, c and 2 more");
        assert_eq!(listed(&names[..2]), "a, b");
    }
}
