//! Frames that are not on the disk.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use seqformer_data::VideoRecord;

use crate::output;

/// Finds out which videos or images can be drawn, and what is missing of them.
pub(super) struct MissingFrames<'a> {
    file: &'a Path,
    /// `["video", "videos"]` or the like.
    records: [&'static str; 2],
    num_records: usize,
    without_frames: Missing,
    num_frames: usize,
    frames: Missing,
}

/// How many are missing, and the first of them.
#[derive(Default)]
struct Missing {
    count: usize,
    first: PathBuf,
}

impl Missing {
    fn add(&mut self, path: &Path) {
        if self.count == 0 {
            self.first = path.to_path_buf();
        }
        self.count += 1;
    }
}

impl<'a> MissingFrames<'a> {
    /// Of the annotations in `file`, which are of `records` (one, several).
    pub(super) fn new(file: &'a Path, records: [&'static str; 2]) -> Self {
        Self {
            file,
            records,
            num_records: 0,
            without_frames: Missing::default(),
            num_frames: 0,
            frames: Missing::default(),
        }
    }

    /// Looks for the frames of a video, and returns whether one is there.
    pub(super) fn look_for(&mut self, record: &VideoRecord) -> bool {
        let missing: Vec<&PathBuf> = record.frames.iter().filter(|path| is_missing(path)).collect();
        self.num_records += 1;
        if let Some(first) = missing.first().filter(|_| missing.len() == record.frames.len()) {
            self.without_frames.add(first);
            return false;
        }
        self.num_frames += record.frames.len();
        for path in missing {
            self.frames.add(path);
        }
        true
    }

    /// Says what is missing.
    ///
    /// # Errors
    ///
    /// If no frame is there at all.
    pub(super) fn report(&self) -> Result<()> {
        let (file, [_, records]) = (self.file.display(), self.records);
        let first = self.without_frames.first.display();
        if self.num_records > 0 && self.without_frames.count == self.num_records {
            bail!(
                "{file}: expected the frames of {}, found none of them, the first is {first}; name their folder with \
                 --images",
                output::counted(self.num_records, self.records)
            );
        }
        if self.without_frames.count > 0 {
            output::note(&format!(
                "note: {file}: {} of {} {records} have no frames on the disk and are left out, the first is {first}",
                self.without_frames.count, self.num_records
            ));
        }
        if self.frames.count > 0 {
            output::note(&format!(
                "note: {file}: {} of {} frames are not on the disk, the first is {}; their objects are drawn on a plain \
                 ground",
                self.frames.count,
                self.num_frames,
                self.frames.first.display()
            ));
        }
        Ok(())
    }
}

/// Returns whether there is nothing at `path`.
pub(super) fn is_missing(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}
