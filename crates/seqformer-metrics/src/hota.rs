//! Higher order tracking accuracy: detection, association and localisation over 19 IoU thresholds.
//!
//! Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking" (IJCV 2020).
//! Reference: TrackEval, `metrics/hota.py`, `HOTA`.

use crate::alignment::Alignment;
use crate::counts::{Counts, Score, Scores, add_slice};
use crate::sequence::Sequence;

const NUM_ALPHAS: usize = 19;

/// The IoU thresholds, 0.05 to 0.95 as numpy's `arange` computes them.
pub(crate) fn alphas() -> [f64; NUM_ALPHAS] {
    std::array::from_fn(|index| 0.05 + index as f64 * 0.05)
}

/// Numbers of HOTA, one for each threshold.
#[derive(Debug, Clone, Default)]
pub(crate) struct HotaCounts {
    true_positives: [f64; NUM_ALPHAS],
    false_negatives: [f64; NUM_ALPHAS],
    false_positives: [f64; NUM_ALPHAS],
    /// Sums over true positives.
    association: [f64; NUM_ALPHAS],
    association_recall: [f64; NUM_ALPHAS],
    association_precision: [f64; NUM_ALPHAS],
    iou: [f64; NUM_ALPHAS],
}

impl HotaCounts {
    /// Compares the tracks of one class in one video.
    pub(crate) fn new(sequence: &Sequence) -> Self {
        let mut counts = Self::default();
        let num_truths = sequence.num_truth_masks() as f64;
        let num_results = sequence.num_result_masks() as f64;
        if num_truths == 0.0 || num_results == 0.0 {
            counts.false_negatives = [num_truths; NUM_ALPHAS];
            counts.false_positives = [num_results; NUM_ALPHAS];
            return counts;
        }
        let alignment = Alignment::new(sequence);
        let alphas = alphas();
        let mut matches = vec![0.0; NUM_ALPHAS * sequence.num_truths * sequence.num_results];
        let num_pairs = sequence.num_truths * sequence.num_results;
        for frame in &sequence.frames {
            for pair in alignment.matches(frame) {
                let iou = frame.iou(pair.row, pair.column);
                let tracks = frame.truths[pair.row] * sequence.num_results;
                let tracks = tracks + frame.results[pair.column];
                for (a, alpha) in alphas.iter().enumerate() {
                    if iou >= alpha - f64::EPSILON {
                        counts.true_positives[a] += 1.0;
                        counts.iou[a] += iou;
                        matches[a * num_pairs + tracks] += 1.0;
                    }
                }
            }
        }
        for a in 0..NUM_ALPHAS {
            counts.false_negatives[a] = num_truths - counts.true_positives[a];
            counts.false_positives[a] = num_results - counts.true_positives[a];
            let sums = alignment.association(&matches[a * num_pairs..][..num_pairs]);
            counts.association[a] = sums.accuracy;
            counts.association_recall[a] = sums.recall;
            counts.association_precision[a] = sums.precision;
        }
        counts
    }
}

impl Counts for HotaCounts {
    fn add(&mut self, other: &Self, times: f64) {
        add_slice(&mut self.true_positives, &other.true_positives, times);
        add_slice(&mut self.false_negatives, &other.false_negatives, times);
        add_slice(&mut self.false_positives, &other.false_positives, times);
        add_slice(&mut self.association, &other.association, times);
        add_slice(&mut self.association_recall, &other.association_recall, times);
        add_slice(&mut self.association_precision, &other.association_precision, times);
        add_slice(&mut self.iou, &other.iou, times);
    }

    fn is_empty(&self) -> bool {
        self.true_positives[0] + self.false_negatives[0] + self.false_positives[0] == 0.0
    }

    fn scores(&self) -> Scores {
        let curve = |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..NUM_ALPHAS).map(of).collect() };
        let found = |a: usize| self.true_positives[a];
        let per_found = |sums: &[f64], a: usize| sums[a] / found(a).max(1.0);
        let recall = |a: usize| found(a) / (found(a) + self.false_negatives[a]).max(1.0);
        let precision = |a: usize| found(a) / (found(a) + self.false_positives[a]).max(1.0);
        let detection = |a: usize| {
            found(a) / (found(a) + self.false_negatives[a] + self.false_positives[a]).max(1.0)
        };
        let association = |a: usize| per_found(&self.association, a);
        // Nothing found is localised perfectly.
        let localization = |a: usize| self.iou[a].max(1e-10) / found(a).max(1e-10);
        let hota = |a: usize| (detection(a) * association(a)).sqrt();
        let owta = |a: usize| (recall(a) * association(a)).sqrt();
        Scores(vec![
            Score::curve("HOTA", &curve(&hota)),
            Score::curve("DetA", &curve(&detection)),
            Score::curve("AssA", &curve(&association)),
            Score::curve("DetRe", &curve(&recall)),
            Score::curve("DetPr", &curve(&precision)),
            Score::curve("AssRe", &curve(&|a| per_found(&self.association_recall, a))),
            Score::curve("AssPr", &curve(&|a| per_found(&self.association_precision, a))),
            Score::curve("LocA", &curve(&localization)),
            Score::curve("OWTA", &curve(&owta)),
            Score::ratio("HOTA(0)", hota(0)),
            Score::ratio("LocA(0)", localization(0)),
            Score::ratio("HOTALocA(0)", hota(0) * localization(0)),
            Score::count_curve("HOTA_TP", &self.true_positives),
            Score::count_curve("HOTA_FN", &self.false_negatives),
            Score::count_curve("HOTA_FP", &self.false_positives),
        ])
    }
}

#[cfg(test)]
mod tests;
