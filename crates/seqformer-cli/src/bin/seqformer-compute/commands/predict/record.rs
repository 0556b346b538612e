//! `videos.json`: the input and the state of each `video_id`, and what the results depend on.
//!
//! It is written before the work and after every step. So the same command can resume after any interruption, and files
//! of other runs can be recognized.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context as _, Result, bail};
use seqformer_export::Kind;
use serde::{Deserialize, Serialize};

use super::overlay::OverlayFiles;
use crate::files;

const NAME: &str = "videos.json";

/// Extensions of images that count as frames of a folder.
const PICTURES: [&str; 5] = ["jpg", "jpeg", "png", "webp", "bmp"];

/// The contents of a results folder and their origin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// What all results depend on.
    pub(super) run: Identity,
    /// The kinds of files that are saved of each video.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) save: Vec<Kind>,
    /// The inputs in the order of the command line.
    pub(super) videos: Vec<Entry>,
}

/// What results depend on besides the videos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) weights: String,
    pub(super) weights_file: Option<FileState>,
    /// A digest of the whole configuration and of all options that affect results.
    pub(super) settings: String,
}

/// Identifies a file or folder without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    pub(super) bytes: u64,
    /// Nanoseconds since 1970.
    pub(super) modified_ns: u64,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) video_id: u64,
    pub(super) name: String,
    pub(super) input: String,
    /// `None` for a pipe, and for an input that does not exist.
    pub(super) input_file: Option<FileState>,
    pub(super) state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// Prefix of the names of its own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stem: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) video: Option<VideoFacts>,
}

/// The state of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// Not processed yet.
    Waiting,
    /// Its results are written, its overlay is not.
    Found,
    /// Complete.
    Done,
    /// It failed.
    Failed,
}

/// Facts about a video that was processed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct VideoFacts {
    pub(super) frames: usize,
    pub(super) height: u32,
    pub(super) width: u32,
    /// Rows of `results.json`.
    pub(super) results: usize,
    /// Lines of `tracks.jsonl`.
    pub(super) tracks: usize,
    /// By their names in the folder, which may be moved as a whole.
    pub(super) overlay: Option<OverlayFiles>,
    /// Files and folders of other tools, by their names in the folder.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) saved: Vec<PathBuf>,
}

impl FileState {
    /// The state of a file, or of the images directly inside a folder; `None` if it does not exist.
    ///
    /// The state of the folder itself would change with every file added to it, which may be one of the program's own.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if !path.is_dir() {
            return Self::of_one(path);
        }
        let mut state = Self { bytes: 0, modified_ns: 0 };
        for entry in std::fs::read_dir(path).ok()? {
            let path = entry.ok()?.path();
            let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
            let picture = Self::of_one(&path).filter(|_| PICTURES.contains(&extension.as_str()));
            let Some(picture) = picture else { continue };
            state.bytes = state.bytes.wrapping_add(picture.bytes);
            state.modified_ns = state.modified_ns.max(picture.modified_ns);
        }
        Some(state)
    }

    fn of_one(path: &Path) -> Option<Self> {
        let found = std::fs::metadata(path).ok()?;
        let since_1970 = found.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(Self { bytes: found.len(), modified_ns: since_1970.as_nanos() as u64 })
    }
}

/// What an output folder contains before a run.
#[derive(Debug)]
pub(super) enum Earlier {
    /// Nothing that this program wrote.
    Nothing,
    /// The same run, with the state of its inputs.
    Same(Record),
    /// Another run.
    Other(Record),
}

impl Earlier {
    /// Compares the contents of `folder` with the planned run.
    pub(super) fn of(folder: &Path, planned: &Record) -> Result<Self> {
        let Some(found) = Record::read(folder)? else { return Ok(Self::Nothing) };
        Ok(if planned.goes_on_with(&found) { Self::Same(found) } else { Self::Other(found) })
    }

    /// The files of the earlier run.
    pub(super) fn files(&self, folder: &Path) -> Vec<PathBuf> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Same(record) | Self::Other(record) => record.files(folder),
        }
    }
}

impl Record {
    /// The path of a folder's record.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(NAME)
    }

    fn read(folder: &Path) -> Result<Option<Self>> {
        let path = Self::path(folder);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("{}: cannot be read", path.display()));
            }
        };
        let Ok(found) = serde_json::from_slice(&text) else {
            bail!(
                "{}: expected the list of videos of an earlier run, found something else; choose another folder for \
                 --output, or replace it with --overwrite",
                path.display()
            );
        };
        Ok(Some(found))
    }

    /// Writes the record.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        files::replace(&Self::path(folder), |to| {
            use std::io::Write as _;
            writeln!(to, "{text}")
        })
    }

    /// Whether this run covers everything that `earlier` has results of, with the same ids and files.
    fn goes_on_with(&self, earlier: &Self) -> bool {
        let is_planned = |old: &Entry| {
            let new = self.videos.iter().find(|new| new.video_id == old.video_id);
            new.is_some_and(|new| {
                (&new.name, &new.input) == (&old.name, &old.input)
                    && new.input_file.is_some()
                    && new.input_file == old.input_file
            })
        };
        let with_results = || earlier.videos.iter().filter(|entry| entry.has_results());
        self.run == earlier.run && with_results().count() > 0 && with_results().all(is_planned)
    }

    /// Rows and tracks of all videos whose results are written.
    pub(super) fn counts(&self) -> BTreeMap<u64, (usize, usize)> {
        let counts = |entry: &Entry| {
            let facts = entry.video.as_ref().filter(|_| entry.has_results())?;
            Some((entry.video_id, (facts.results, facts.tracks)))
        };
        self.videos.iter().filter_map(counts).collect()
    }

    /// Whether any video has results.
    pub(super) fn has_results(&self) -> bool {
        self.videos.iter().any(Entry::has_results)
    }

    /// All files and folders that the run has written or was about to write.
    pub(super) fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> =
            ["results.json", "tracks.jsonl", NAME].map(|name| folder.join(name)).into();
        for stem in self.videos.iter().filter_map(|entry| entry.stem.as_ref()) {
            // A record edited by hand could name any file.
            if Path::new(stem).components().count() != 1 || stem.starts_with('.') {
                continue;
            }
            files.extend(own_files(folder, stem, &self.save));
        }
        files
    }

    pub(super) fn entry(&mut self, video_id: u64) -> Option<&mut Entry> {
        self.videos.iter_mut().find(|entry| entry.video_id == video_id)
    }
}

/// All files that may belong to a single video, starting with the folder of its overlay images.
pub(super) fn own_files(folder: &Path, stem: &str, save: &[Kind]) -> Vec<PathBuf> {
    let ends = ["", ".mp4", ".gif", ".sheet.jpg", ".frames.jsonl"];
    let saved = save.iter().flat_map(|kind| kind.paths(folder, stem));
    ends.map(|end| folder.join(format!("{stem}{end}"))).into_iter().chain(saved).collect()
}

impl Entry {
    fn has_results(&self) -> bool {
        matches!(self.state, State::Found | State::Done) && self.video.is_some()
    }

    /// The facts of a video that needs no more work: its overlay and what was saved are in the folder, too.
    pub(super) fn complete(&self, folder: &Path) -> Option<VideoFacts> {
        let facts = self.video.clone().filter(|_| self.state == State::Done)?;
        let overlay = facts.overlay.map(|files| files.within(folder));
        let is_there = overlay.as_ref().is_none_or(OverlayFiles::are_there);
        let saved: Vec<PathBuf> = facts.saved.iter().map(|name| folder.join(name)).collect();
        let is_there = is_there && saved.iter().all(|path| path.exists());
        is_there.then_some(VideoFacts { overlay, saved, ..facts })
    }
}

/// Moves the files of an earlier run into a new folder `earlier_1`, `earlier_2` and so on, and returns that folder.
pub(super) fn set_aside(folder: &Path, files: &[PathBuf]) -> Result<PathBuf> {
    let mut number = 1;
    let aside = loop {
        let aside = folder.join(format!("earlier_{number}"));
        match std::fs::create_dir(&aside) {
            Ok(()) => break aside,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => {
                return Err(error).with_context(|| format!("{}: cannot be made", aside.display()));
            }
        }
    };
    // The record moves last: while it exists, the files are known to belong to it.
    let (record, others): (Vec<_>, Vec<_>) = files.iter().partition(|path| path.ends_with(NAME));
    for path in others.into_iter().chain(record) {
        let Some(name) = path.file_name().filter(|_| path.symlink_metadata().is_ok()) else {
            continue;
        };
        std::fs::rename(path, aside.join(name)).with_context(|| {
            format!("{}: cannot be moved to {}", path.display(), aside.display())
        })?;
    }
    Ok(aside)
}

#[cfg(test)]
mod tests;
