//! Names of videos and frames, as parts of paths that are written.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use seqformer_annotations::Fault;

use crate::Notes;
use crate::dataset::Video;

/// Turns a name of a file into a path below the folder that is written.
///
/// # Errors
///
/// A name that is empty or would lead out of that folder.
pub(crate) fn inside(name: &str) -> Result<PathBuf, Fault> {
    let name_with_slashes = name.replace('\\', "/");
    let path = Path::new(&name_with_slashes);
    let mut inside = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => inside.push(part),
            Component::CurDir => {}
            _ => return Err(leads_out(name)),
        }
    }
    if inside.as_os_str().is_empty() || name.contains('\0') {
        return Err(leads_out(name));
    }
    Ok(inside)
}

fn leads_out(name: &str) -> Fault {
    let expected = "a name of a file below the folder of images";
    Fault::new("", expected, format!("{name:?}"), "write it without a leading / and without ..")
}

/// Returns the last part of a name without its ending: `00003` of `street/00003.jpg`.
pub(crate) fn stem(name: &str) -> &str {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    match last.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => last,
    }
}

/// Returns the folder of a name, without the last part: `a/street` of `a/street/00003.jpg`.
pub(crate) fn folder(name: &str) -> &str {
    name.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder)
}

/// Names a video by the folder of its frames, otherwise by its id.
pub fn of_video(file_names: Option<&[String]>, id: i64) -> String {
    if let Some([first, rest @ ..]) = file_names {
        let shared = folder(first);
        if !shared.is_empty() && rest.iter().all(|name| folder(name) == shared) {
            return shared.to_owned();
        }
    }
    format!("video_{id}")
}

/// Names a single image by its file without the ending, otherwise by its id.
pub(crate) fn of_image(file_name: Option<&str>, id: i64) -> String {
    let Some(name) = file_name else { return format!("image_{id}") };
    match folder(name) {
        "" => stem(name).to_owned(),
        folder => format!("{folder}/{}", stem(name)),
    }
}

/// Returns names for files of the frames: those of the images without ending; numbers if two frames have one name.
pub(crate) fn stems(video: &Video, notes: &mut Notes) -> Vec<String> {
    let own: Vec<String> =
        (0..video.length).map(|frame| stem(&video.frame_name(frame)).to_owned()).collect();
    let distinct: BTreeSet<&String> = own.iter().collect();
    if distinct.len() == own.len() && own.iter().all(|stem| inside(stem).is_ok()) {
        return own;
    }
    notes.count("videos have frames of the same name: their frames are numbered", || video.place());
    (0..video.length).map(|frame| format!("{frame:05}")).collect()
}

/// Makes names unique by a number after those that are repeated.
#[derive(Debug, Default)]
pub(crate) struct Unique {
    taken: BTreeSet<String>,
}

impl Unique {
    /// Returns the name, with a number after it if it was taken before.
    pub(crate) fn take(&mut self, name: String) -> String {
        let mut candidate = name.clone();
        let mut number = 2;
        while !self.taken.insert(candidate.clone()) {
            candidate = format!("{name}_{number}");
            number += 1;
        }
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_of_the_folder() {
        assert_eq!(inside("a/./b.jpg").unwrap(), Path::new("a/b.jpg"));
        assert_eq!(inside("a\\b.jpg").unwrap(), Path::new("a/b.jpg"));
        for name in ["../a.jpg", "/etc/a", "a/../../b", "", ".", "..\\a"] {
            assert!(inside(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn videos_are_called_by_their_folder() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let check = |files: &[&str], expected: &str| {
            let files = names(files);
            assert_eq!(of_video(Some(&files), 7), expected);
        };
        check(&["a/b/0.jpg", "a/b/1.jpg"], "a/b");
        check(&["0.jpg", "1.jpg"], "video_7");
        check(&["a/0.jpg", "b/1.jpg"], "video_7");
        check(&["a/0.jpg"], "a");
        assert_eq!(of_video(None, 7), "video_7");
        assert_eq!([of_image(Some("a/0.jpg"), 7), of_image(Some("0.jpg"), 7)], ["a/0", "0"]);
        assert_eq!(of_image(None, 7), "image_7");
        assert_eq!((stem("a/.hidden"), stem("x.tar.gz"), folder("x")), (".hidden", "x.tar", ""));
    }

    #[test]
    fn names_that_come_again_get_a_number() {
        let mut unique = Unique::default();
        let taken = ["a", "a", "b", "a"].map(|name| unique.take(name.to_owned()));
        assert_eq!(taken, ["a", "a_2", "b", "a_3"]);
    }
}
