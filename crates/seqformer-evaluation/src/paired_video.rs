//! The tracks of one video, annotated and found, for whoever compares them by other rules.

use seqformer_annotations::Video;
use seqformer_masks::Rle;

use crate::results::StoredResult;
use crate::{EvaluationError, ResultEntry, Results, TruthTrack};

/// What is annotated and found in one video; masks of results are decoded when they are asked for.
#[derive(Debug, Clone)]
pub struct PairedVideo<'a> {
    video: &'a Video,
    truths: Vec<PairedTruth<'a>>,
    results: Vec<PairedResult<'a>>,
}

/// An annotated track and the place of its category.
#[derive(Debug, Clone, Copy)]
pub struct PairedTruth<'a> {
    /// The place of its category in the order of ids.
    pub category: usize,
    /// The track.
    pub track: &'a TruthTrack,
}

/// A result and the place of its category.
#[derive(Debug, Clone, Copy)]
pub struct PairedResult<'a> {
    /// The place of its category in the order of ids.
    pub category: usize,
    entry: ResultEntry<'a>,
}

impl<'a> PairedVideo<'a> {
    /// Annotations and results come in the order of their files.
    pub(crate) fn new(
        video: &'a Video,
        mut truths: Vec<PairedTruth<'a>>,
        mut results: Vec<PairedResult<'a>>,
    ) -> Self {
        truths.sort_by_key(|truth| truth.track.place);
        results.sort_by_key(PairedResult::index);
        Self { video, truths, results }
    }

    /// Returns the video.
    pub fn video(&self) -> &'a Video {
        self.video
    }

    /// Returns the annotated tracks in the order of their file.
    pub fn truths(&self) -> &[PairedTruth<'a>] {
        &self.truths
    }

    /// Returns the results in the order of their file.
    pub fn results(&self) -> &[PairedResult<'a>] {
        &self.results
    }
}

impl<'a> PairedResult<'a> {
    pub(crate) fn new(category: usize, stored: &'a StoredResult, file: &'a Results) -> Self {
        Self { category, entry: ResultEntry::new(stored, file) }
    }

    /// Returns how sure the model is.
    pub fn score(&self) -> f64 {
        self.entry.score()
    }

    /// Returns its place in the results file, counted from 0.
    pub fn index(&self) -> usize {
        self.entry.index()
    }

    /// Decodes its masks, one per frame, nothing where the object is absent.
    ///
    /// # Errors
    ///
    /// A damaged mask; the message names the result and the frame.
    pub fn masks(&self) -> Result<Vec<Option<Rle>>, EvaluationError> {
        self.entry.masks()
    }
}
