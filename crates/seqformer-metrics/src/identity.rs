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
mod tests {
    use super::IdentityCounts;
    use crate::counts::Counts as _;
    use crate::sequence::tests::sequence;

    #[test]
    fn one_result_stands_for_one_object() {
        let frames: &[&[(usize, usize, f64)]] =
            &[&[(0, 0, 0.8)], &[(0, 0, 0.5)], &[(0, 1, 0.8)], &[(0, 1, 0.49), (1, 1, 0.6)]];
        let scores = IdentityCounts::new(&sequence(2, 2, frames)).scores();
        // The first object with the first result in two frames, the second with the second in one.
        let expected = [
            ("IDTP", 3.0),
            ("IDFN", 2.0),
            ("IDFP", 1.0),
            ("IDR", 3.0 / 5.0),
            ("IDP", 3.0 / 4.0),
            ("IDF1", 3.0 / 4.5),
        ];
        for (name, value) in expected {
            assert!((scores.number(name).unwrap() - value).abs() < 1e-12, "{name} of {scores:?}");
        }
    }

    #[test]
    fn an_empty_side_finds_nothing() {
        let none = usize::MAX;
        let scores = IdentityCounts::new(&sequence(1, 0, &[&[(0, none, 0.0)]])).scores();
        assert_eq!((scores.number("IDFN"), scores.number("IDF1")), (Some(1.0), Some(0.0)));
        assert!(IdentityCounts::new(&sequence(0, 0, &[])).is_empty());
    }
}
