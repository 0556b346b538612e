//! What became of the results and objects of one video, found by their number.

use std::collections::BTreeMap;

use seqformer_evaluation::TruthTrack;
use seqformer_metrics::{ErrorReport, JudgedResult, TrackError};

/// A result that is right.
pub(crate) const RIGHT: &str = "right";
/// An object that a result has.
const FOUND: &str = "found";
/// An object that no result has, and that no other error is about.
const MISSED: &str = "missed";
/// What counts neither for nor against.
const IGNORED: &str = "ignored";

/// The errors and judgements of one video.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes<'a> {
    results: BTreeMap<usize, Outcome<'a>>,
    truths: BTreeMap<i64, &'static str>,
}

/// What became of a result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome<'a> {
    /// `right`, `ignored`, or the kind of error.
    pub(crate) name: &'static str,
    /// The annotations that it is about.
    pub(crate) truths: &'a [i64],
}

impl<'a> Outcomes<'a> {
    /// Sorts the judgements of all videos by the place of their video.
    pub(crate) fn of_videos(report: &'a ErrorReport, num_videos: usize) -> Vec<Self> {
        let mut videos = vec![Self::default(); num_videos];
        for result in &report.results {
            videos[result.video].judge(result);
        }
        for error in &report.errors {
            videos[error.video].explain(error);
        }
        videos
    }

    fn judge(&mut self, result: &'a JudgedResult) {
        let name = if result.is_right == Some(true) { RIGHT } else { IGNORED };
        self.results.insert(result.result, Outcome { name, truths: result.truth.as_slice() });
        if let (Some(true), Some(truth)) = (result.is_right, result.truth) {
            self.truths.insert(truth, FOUND);
        }
    }

    fn explain(&mut self, error: &'a TrackError) {
        let name = error.kind.name();
        if let Some(result) = error.result {
            self.results.insert(result, Outcome { name, truths: &error.truths });
        }
        for &truth in &error.truths {
            self.truths.entry(truth).or_insert(name);
        }
    }

    /// Returns what became of a result, given by its place in the file.
    pub(crate) fn of_result(&self, result: usize) -> Outcome<'a> {
        self.results.get(&result).copied().unwrap_or(Outcome { name: IGNORED, truths: &[] })
    }

    /// Returns what became of an object.
    pub(crate) fn of_truth(&self, truth: &TruthTrack) -> &'static str {
        let default = if truth.is_crowd { IGNORED } else { MISSED };
        self.truths.get(&truth.id).copied().unwrap_or(default)
    }

    /// Returns how many results with at least a score are wrong, and how many objects no result has.
    pub(crate) fn num_errors(&self, is_shown: impl Fn(usize) -> bool) -> [usize; 2] {
        let wrong = self.results.iter().filter(|(result, outcome)| {
            outcome.name != RIGHT && outcome.name != IGNORED && is_shown(**result)
        });
        let missed = self.truths.values().filter(|name| **name != FOUND && **name != IGNORED);
        [wrong.count(), missed.count()]
    }
}
