//! Counts of detection and association at each IoU threshold, which HOTA and TETA share.

use crate::alignment::Alignment;
use crate::counts::add_slice;

/// Counts of one class at `N` IoU thresholds.
#[derive(Debug, Clone)]
pub(crate) struct ThresholdCounts<const N: usize> {
    pub(crate) true_positives: [f64; N],
    pub(crate) false_negatives: [f64; N],
    pub(crate) false_positives: [f64; N],
    /// Sums over true positives.
    association: [f64; N],
    association_recall: [f64; N],
    association_precision: [f64; N],
}

impl<const N: usize> Default for ThresholdCounts<N> {
    fn default() -> Self {
        let zeros = [0.0; N];
        Self {
            true_positives: zeros,
            false_negatives: zeros,
            false_positives: zeros,
            association: zeros,
            association_recall: zeros,
            association_precision: zeros,
        }
    }
}

impl<const N: usize> ThresholdCounts<N> {
    /// Sets the sums of association from how often each annotation and result match, `[N, annotations, results]`.
    pub(crate) fn set_association(&mut self, alignment: &Alignment, matches: &[f64]) {
        for (a, matches) in matches.chunks((matches.len() / N).max(1)).enumerate() {
            let sums = alignment.association(matches);
            self.association[a] = sums.accuracy;
            self.association_recall[a] = sums.recall;
            self.association_precision[a] = sums.precision;
        }
    }

    /// Adds the counts of another class or video, `times` times.
    pub(crate) fn add(&mut self, other: &Self, times: f64) {
        add_slice(&mut self.true_positives, &other.true_positives, times);
        add_slice(&mut self.false_negatives, &other.false_negatives, times);
        add_slice(&mut self.false_positives, &other.false_positives, times);
        add_slice(&mut self.association, &other.association, times);
        add_slice(&mut self.association_recall, &other.association_recall, times);
        add_slice(&mut self.association_precision, &other.association_precision, times);
    }

    /// Whether there are neither annotations nor results.
    pub(crate) fn is_empty(&self) -> bool {
        let counts = [&self.true_positives, &self.false_negatives, &self.false_positives];
        counts.iter().all(|counts| counts.iter().all(|&count| count == 0.0))
    }

    /// The share of annotations that is found, at threshold `a`.
    pub(crate) fn recall(&self, a: usize) -> f64 {
        self.share_found(a, self.false_negatives[a])
    }

    /// The share of results that is right.
    pub(crate) fn precision(&self, a: usize) -> f64 {
        self.share_found(a, self.false_positives[a])
    }

    /// The share of true positives in all annotations and results.
    pub(crate) fn accuracy(&self, a: usize) -> f64 {
        self.share_found(a, self.false_negatives[a] + self.false_positives[a])
    }

    /// The mean accuracy of association over true positives.
    pub(crate) fn association(&self, a: usize) -> f64 {
        self.association[a] / self.true_positives[a].max(1.0)
    }

    /// The mean recall of association.
    pub(crate) fn association_recall(&self, a: usize) -> f64 {
        self.association_recall[a] / self.true_positives[a].max(1.0)
    }

    /// The mean precision of association.
    pub(crate) fn association_precision(&self, a: usize) -> f64 {
        self.association_precision[a] / self.true_positives[a].max(1.0)
    }

    fn share_found(&self, a: usize, others: f64) -> f64 {
        let found = self.true_positives[a];
        found / (found + others).max(1.0)
    }
}
