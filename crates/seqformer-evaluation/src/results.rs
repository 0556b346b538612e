//! Results in the format of the evaluation servers.
//!
//! Reference: detectron2-style YouTube-VIS evaluator of VNext (`ytvis_eval.py`), which writes the file, and `cocoapi`
//! of YouTube-VIS, `YTVOS.loadRes`, which reads it.

mod archive;
pub(crate) mod check;
mod entry;
mod journal;
pub(crate) mod list_writer;
pub(crate) mod python_json;
mod raw;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Id};
use seqformer_masks::Rle;

pub use self::archive::write_archive;
pub use self::check::{CheckReport, ResultFault, check_results};
pub use self::entry::ResultEntry;
use self::raw::RawResult;
pub use self::writer::ResultsWriter;
use crate::EvaluationError;
use crate::track::StoredTrack;

/// One found object in all frames of its video.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackResult {
    /// The video that it was found in.
    pub video_id: i64,
    /// The score; written as the double that it equals.
    pub score: f32,
    /// The class, as its id in the dataset.
    pub category_id: i64,
    /// One mask per frame; `None` is written as `null`.
    pub segmentations: Vec<Option<Rle>>,
}

impl TrackResult {
    /// The result as an object of a results file, exactly as written by Python's `json.dumps`. The score must be
    /// finite.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        python_json::push_result(&mut text, self, &python_json::WrittenIds::default());
        text
    }
}

/// Results in the order of their file, masks still in text form.
#[derive(Debug, Clone)]
pub struct Results {
    path: PathBuf,
    list: Vec<StoredResult>,
    /// Set when it has been said what of them is left out.
    warned: OnceLock<()>,
}

/// A result whose masks are not decoded yet.
#[derive(Debug, Clone)]
pub(crate) struct StoredResult {
    /// Its index in the list.
    pub(crate) index: usize,
    pub(crate) video_id: Id,
    pub(crate) category_id: Id,
    pub(crate) score: f64,
    pub(crate) masks: StoredTrack,
}

impl Results {
    /// Reads a results file.
    ///
    /// Masks stay in text form, about as large as the file, and are decoded when they are scored.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or an entry with a missing or invalid field.
    pub fn read(path: &Path) -> Result<Self, EvaluationError> {
        let mut file = JsonFile::open(path)?;
        let list = file.parse_list(|index, text| {
            let result = RawResult::parse(text).map_err(|fault| {
                let entry = Entry::parse(text).unwrap_or_default();
                AnnotationError::wrong(path, entry_name(index, entry.id("video_id").ok()), fault)
            })?;
            let RawResult { video_id, category_id, score, segmentations: masks } = result;
            Ok(StoredResult { index, video_id, category_id, score, masks })
        })?;
        file.finish()?;
        Ok(Self { path: path.to_path_buf(), list, warned: OnceLock::new() })
    }

    /// Returns the file that they were read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of results.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns whether there are no results.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the results in the order of the file.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = ResultEntry<'_>> {
        self.list.iter().map(|stored| ResultEntry::new(stored, self))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &StoredResult> {
        self.list.iter()
    }

    /// Tells whether this is asked for the first time, so that a warning is given once though
    /// results are scored in several ways.
    pub(crate) fn is_first_warning(&self) -> bool {
        self.warned.set(()).is_ok()
    }

    pub(crate) fn entry_error(&self, result: &StoredResult, fault: Fault) -> EvaluationError {
        AnnotationError::wrong(&self.path, result.name(), fault).into()
    }
}

impl StoredResult {
    /// Names the result by its index and its video.
    pub(crate) fn name(&self) -> String {
        entry_name(self.index, Some(self.video_id.clone()))
    }
}

fn entry_name(index: usize, video_id: Option<Id>) -> String {
    let video = video_id.map(|id| format!(" (video {id})")).unwrap_or_default();
    format!("[{index}]{video}")
}

#[cfg(test)]
mod tests;
