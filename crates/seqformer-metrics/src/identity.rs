//! Identity metrics: how long one result stands for one object, by the best assignment of whole
//! tracks.
//!
//! Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking"
//! (ECCV Workshops 2016). Reference: TrackEval, `metrics/identity.py`, `Identity`.

use crate::alignment::assign;
use crate::counts::{Counts, Score, Scores};
use crate::sequence::Sequence;

/// Least IoU of a match.
const THRESHOLD: f64 = 0.5;

/// Numbers of the identity metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct IdentityCounts {
    true_positives: f64,
    false_negatives: f64,
    false_positives: f64,
}

impl IdentityCounts {
    /// Compares the tracks of one class in one video.
    pub(crate) fn new(sequence: &Sequence) -> Self {
        let (num_rows, num_columns) = (sequence.num_truths, sequence.num_results);
        let mut common = vec![0.0; num_rows * num_columns];
        for frame in &sequence.frames {
            for (row, truth) in frame.truths.iter().enumerate() {
                for (column, result) in frame.results.iter().enumerate() {
                    if frame.iou(row, column) >= THRESHOLD {
                        common[truth * num_columns + result] -= 1.0;
                    }
                }
            }
        }
        // The reference also allows tracks to stay alone, at the cost of their frames. A pair that
        // has nothing in common costs the same, so that the smallest cost is that of this matrix.
        let pairs = assign(&common, num_rows, num_columns);
        let in_common =
            |pair: &seqformer_assignment::Pair| -common[pair.row * num_columns + pair.column];
        let true_positives: f64 = pairs.iter().map(in_common).sum();
        Self {
            true_positives,
            false_negatives: sequence.num_truth_masks() as f64 - true_positives,
            false_positives: sequence.num_result_masks() as f64 - true_positives,
        }
    }
}

impl Counts for IdentityCounts {
    fn add(&mut self, other: &Self, times: f64) {
        self.true_positives += other.true_positives * times;
        self.false_negatives += other.false_negatives * times;
        self.false_positives += other.false_positives * times;
    }

    fn is_empty(&self) -> bool {
        self.true_positives + self.false_negatives + self.false_positives == 0.0
    }

    fn scores(&self) -> Scores {
        let (found, missed, wrong) =
            (self.true_positives, self.false_negatives, self.false_positives);
        Scores(vec![
            Score::ratio("IDF1", found / (found + 0.5 * wrong + 0.5 * missed).max(1.0)),
            Score::ratio("IDP", found / (found + wrong).max(1.0)),
            Score::ratio("IDR", found / (found + missed).max(1.0)),
            Score::count("IDTP", found),
            Score::count("IDFN", missed),
            Score::count("IDFP", wrong),
        ])
    }
}

#[cfg(test)]
mod tests;
