//! The images of a folder, in natural order.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use super::read_error;
use crate::error::VideoError;

const EXTENSIONS: [&str; 5] = ["jpg", "jpeg", "png", "webp", "bmp"];

/// What is in a folder.
#[derive(Debug)]
pub(super) struct Listing {
    /// The images, in natural order.
    pub(super) images: Vec<PathBuf>,
    /// A remark on files that are no images.
    pub(super) note: Option<String>,
}

/// Lists the images directly in `folder`. Hidden files are passed over.
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
    let note = (!others.is_empty())
        .then(|| format!("{}: skipped what is no image: {}", folder.display(), listed(&others)));
    Ok(Listing { images, note })
}

/// Whether the file name says that this is a still image.
pub(super) fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|text| text.to_string_lossy().to_ascii_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The first few of `names`, and how many more there are.
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
            // Without leading zeros the longer number is the larger one: no overflow.
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
mod tests;
