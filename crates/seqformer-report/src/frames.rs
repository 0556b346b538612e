//! The pictures under the masks: where a page finds them, or copies of them.

use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use seqformer_annotations::Video;

use crate::error::ReportError;
use crate::pages::url_part;
use crate::site::Site;

/// The folder inside a report that copies go into.
const COPIES: &str = "frames";

/// A folder of frames, named as the annotations name them.
#[derive(Debug)]
pub(crate) struct Frames {
    folder: PathBuf,
    copies: bool,
    seen: Mutex<Seen>,
}

/// What was looked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) num_frames: usize,
    pub(crate) num_missing: usize,
    /// The first frame that is missing, in whichever order videos come.
    pub(crate) first_missing: Option<String>,
}

impl Frames {
    /// Frames in a folder; their copies become part of the report if that is asked for.
    pub(crate) fn new(folder: &Path, copies: bool) -> Result<Self, ReportError> {
        let folder = folder.canonicalize().map_err(|source| ReportError::read(folder, source))?;
        Ok(Self { folder, copies, seen: Mutex::default() })
    }

    /// Returns what the names of frames begin with in pages of a report at `output`.
    pub(crate) fn base(&self, output: &Path) -> String {
        if self.copies {
            return COPIES.to_owned();
        }
        let parts = |path: &Path| -> Vec<String> {
            let named = path.components().filter(|part| !matches!(part, Component::RootDir));
            named.map(|part| part.as_os_str().to_string_lossy().into_owned()).collect()
        };
        let (from, to) = (parts(&absolute(output)), parts(&self.folder));
        let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let ups = from[shared..].iter().map(|_| "..".to_owned());
        let downs = to[shared..].iter().map(|part| url_part(part));
        ups.chain(downs).collect::<Vec<_>>().join("/")
    }

    /// Returns the names of the frames of a video, nothing for those that are missing.
    pub(crate) fn of_video<'v>(
        &self,
        video: &'v Video,
        length: usize,
        site: &Site,
    ) -> Result<Vec<Option<&'v str>>, ReportError> {
        let names = video.file_names.as_deref().unwrap_or_default();
        let mut found = Vec::with_capacity(names.len().min(length));
        let mut missing = Vec::new();
        for name in names.iter().take(length) {
            let (name, path) = (&**name, Path::new(&**name));
            let source = self.folder.join(path);
            let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)));
            if !is_inside || !source.is_file() {
                missing.push(name);
                found.push(None);
                continue;
            }
            if self.copies {
                site.copy(&source, &Path::new(COPIES).join(path))?;
            }
            found.push(Some(name));
        }
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.num_frames += found.len();
        seen.num_missing += missing.len();
        if let Some(first) = missing.first() {
            seen.first_missing.get_or_insert_with(|| (*first).to_owned());
        }
        Ok(found)
    }

    /// Returns what was found, an error if that is nothing at all.
    pub(crate) fn seen(&self, gt: &Path) -> Result<Seen, ReportError> {
        let seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let (folder, gt) = (self.folder.clone(), gt.to_path_buf());
        match &seen.first_missing {
            _ if seen.num_frames == 0 => Err(ReportError::NoFileNames { gt, folder }),
            Some(first) if seen.num_missing == seen.num_frames => Err(ReportError::NoFrames {
                folder,
                gt,
                num_frames: seen.num_frames,
                first: first.clone(),
            }),
            _ => Ok(seen),
        }
    }
}

/// Returns the path from the root, of a file that need not exist.
fn absolute(path: &Path) -> PathBuf {
    let (mut existing, mut rest) = (path.to_path_buf(), Vec::new());
    loop {
        let folder = if existing.as_os_str().is_empty() { Path::new(".") } else { &existing };
        if let Ok(found) = folder.canonicalize() {
            return rest.into_iter().rev().fold(found, |path: PathBuf, part| path.join(part));
        }
        let Some(name) = existing.file_name().map(ToOwned::to_owned) else {
            return path.to_path_buf();
        };
        rest.push(name);
        existing.pop();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Frames;

    #[test]
    fn pages_find_frames_that_stay_where_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let frames = folder.path().join("my data/JPEGImages");
        fs::create_dir_all(&frames).unwrap();
        let base =
            |output: &str| Frames::new(&frames, false).unwrap().base(&folder.path().join(output));
        assert_eq!(base("report"), "../my%20data/JPEGImages");
        assert_eq!(base("runs/1/report"), "../../../my%20data/JPEGImages");
        assert_eq!(base("my data/report"), "../JPEGImages");
        let copied = Frames::new(&frames, true).unwrap();
        assert_eq!(copied.base(folder.path()), "frames");
    }
}
