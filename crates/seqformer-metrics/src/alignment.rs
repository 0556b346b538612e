//! How well whole tracks fit, and the matching within frames that follows from it.
//!
//! Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking" (IJCV 2020).
//! Reference: TrackEval, `metrics/hota.py`; TETA takes the same steps.

use seqformer_assignment::{CostMatrix, Pair, linear_sum_assignment};

use crate::sequence::{Frame, Sequence};

/// The score of every pair of tracks before anything is matched.
#[derive(Debug, Clone)]
pub(crate) struct Alignment {
    num_results: usize,
    /// One row for each annotated track.
    scores: Vec<f64>,
    /// In how many frames each annotated track is.
    truth_frames: Vec<f64>,
    /// In how many frames each result is.
    result_frames: Vec<f64>,
}

/// Sums over all matched pairs of masks of how well their tracks are associated.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Association {
    pub(crate) accuracy: f64,
    pub(crate) recall: f64,
    pub(crate) precision: f64,
}

impl Alignment {
    pub(crate) fn new(sequence: &Sequence) -> Self {
        let num_results = sequence.num_results;
        let mut scores = vec![0.0; sequence.num_truths * num_results];
        let mut truth_frames = vec![0.0; sequence.num_truths];
        let mut result_frames = vec![0.0; num_results];
        for frame in &sequence.frames {
            let width = frame.results.len();
            let mut of_results = vec![0.0; width];
            for row in 0..frame.truths.len() {
                for (column, sum) in of_results.iter_mut().enumerate() {
                    *sum += frame.iou(row, column);
                }
            }
            for (row, &truth) in frame.truths.iter().enumerate() {
                let of_truth: f64 = frame.ious[row * width..][..width].iter().sum();
                for (column, &result) in frame.results.iter().enumerate() {
                    let iou = frame.iou(row, column);
                    let denominator = of_results[column] + of_truth - iou;
                    if denominator > f64::EPSILON {
                        scores[truth * num_results + result] += iou / denominator;
                    }
                }
                truth_frames[truth] += 1.0;
            }
            for &result in &frame.results {
                result_frames[result] += 1.0;
            }
        }
        for (at, score) in scores.iter_mut().enumerate() {
            let frames = truth_frames[at / num_results] + result_frames[at % num_results];
            // Tracks that are in no frame are never asked for.
            *score = if *score == 0.0 { 0.0 } else { *score / (frames - *score) };
        }
        Self { num_results, scores, truth_frames, result_frames }
    }

    /// Matches the masks of one frame, given by their places in it, so that whole tracks fit best.
    pub(crate) fn matches(&self, frame: &Frame) -> Vec<Pair> {
        let (num_rows, num_columns) = (frame.truths.len(), frame.results.len());
        let pairs = (0..num_rows).flat_map(|row| (0..num_columns).map(move |column| (row, column)));
        let cost = |(row, column): (usize, usize)| {
            let at = frame.truths[row] * self.num_results + frame.results[column];
            -(self.scores[at] * frame.iou(row, column))
        };
        let values: Vec<f64> = pairs.map(cost).collect();
        assign(&values, num_rows, num_columns)
    }

    /// Sums the association of tracks up, given how often each pair is matched.
    pub(crate) fn association(&self, matches: &[f64]) -> Association {
        let mut sums = Association::default();
        for (at, &count) in matches.iter().enumerate().filter(|&(_, &count)| count > 0.0) {
            let truth = self.truth_frames[at / self.num_results];
            let result = self.result_frames[at % self.num_results];
            sums.accuracy += count * (count / (truth + result - count).max(1.0));
            sums.recall += count * (count / truth.max(1.0));
            sums.precision += count * (count / result.max(1.0));
        }
        sums
    }
}

/// Solves an assignment of finite costs.
pub(crate) fn assign(values: &[f64], num_rows: usize, num_columns: usize) -> Vec<Pair> {
    linear_sum_assignment(CostMatrix { values, num_rows, num_columns })
        .expect("every cost is a finite number")
}
