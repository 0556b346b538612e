//! Higher order tracking accuracy: detection, association and localisation over 19 IoU thresholds.
//!
//! Luiten et al., "HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking" (IJCV 2020).
//! Reference: TrackEval, `metrics/hota.py`, `HOTA`.

use crate::alignment::Alignment;
use crate::counts::{Counts, Score, Scores, add_slice};
use crate::sequence::Sequence;
use crate::threshold_counts::ThresholdCounts;

const NUM_ALPHAS: usize = 19;

/// The IoU thresholds, 0.05 to 0.95 as numpy's `arange` computes them.
pub(crate) fn alphas() -> [f64; NUM_ALPHAS] {
    std::array::from_fn(|index| 0.05 + index as f64 * 0.05)
}

/// Numbers of HOTA, one for each threshold.
#[derive(Debug, Clone, Default)]
pub(crate) struct HotaCounts {
    at: ThresholdCounts<NUM_ALPHAS>,
    iou: [f64; NUM_ALPHAS],
}

/// The matched masks of one class in one video, from which the counts of any choice of tracks are made.
#[derive(Debug)]
pub(crate) struct HotaMatches<'a> {
    sequence: &'a Sequence,
    alignment: Alignment,
    /// An annotation, a result, and their IoU in one frame.
    pairs: Vec<(usize, usize, f64)>,
}

impl<'a> HotaMatches<'a> {
    /// Matches the tracks of one class in one video.
    pub(crate) fn new(sequence: &'a Sequence) -> Self {
        let alignment = Alignment::new(sequence);
        let mut pairs = Vec::new();
        for frame in &sequence.frames {
            for pair in alignment.matches(frame) {
                let iou = frame.iou(pair.row, pair.column);
                pairs.push((frame.truths[pair.row], frame.results[pair.column], iou));
            }
        }
        Self { sequence, alignment, pairs }
    }

    /// Counts some of the annotations and results. A result of the choice that matches another annotation is no error.
    pub(crate) fn counts(
        &self,
        has_truth: &dyn Fn(usize) -> bool,
        has_result: &dyn Fn(usize) -> bool,
    ) -> HotaCounts {
        let mut counts = HotaCounts::default();
        let frames = &self.sequence.frames;
        let num_truths = frames
            .iter()
            .flat_map(|frame| &frame.truths)
            .filter(|&&truth| has_truth(truth))
            .count();
        let num_results = (frames.iter().flat_map(|frame| &frame.results))
            .filter(|&&result| has_result(result))
            .count();
        let num_columns = self.sequence.num_results;
        let num_pairs = self.sequence.num_truths * num_columns;
        let mut matches = vec![0.0; NUM_ALPHAS * num_pairs];
        let mut num_matched = [0.0; NUM_ALPHAS];
        for &(truth, result, iou) in &self.pairs {
            let (counts_truth, counts_result) = (has_truth(truth), has_result(result));
            for (a, alpha) in alphas().iter().enumerate() {
                if iou < alpha - f64::EPSILON {
                    break;
                }
                if counts_truth {
                    counts.at.true_positives[a] += 1.0;
                    counts.iou[a] += iou;
                    matches[a * num_pairs + truth * num_columns + result] += 1.0;
                }
                num_matched[a] += f64::from(u8::from(counts_result));
            }
        }
        for (a, matched) in num_matched.iter().enumerate() {
            counts.at.false_negatives[a] = num_truths as f64 - counts.at.true_positives[a];
            counts.at.false_positives[a] = num_results as f64 - matched;
        }
        counts.at.set_association(&self.alignment, &matches);
        counts
    }
}

impl Counts for HotaCounts {
    fn add(&mut self, other: &Self, times: f64) {
        self.at.add(&other.at, times);
        add_slice(&mut self.iou, &other.iou, times);
    }

    fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    fn scores(&self) -> Scores {
        let at = &self.at;
        let curve = |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..NUM_ALPHAS).map(of).collect() };
        // Nothing found is localised perfectly.
        let localization = |a: usize| self.iou[a].max(1e-10) / at.true_positives[a].max(1e-10);
        let hota = |a: usize| (at.accuracy(a) * at.association(a)).sqrt();
        let owta = |a: usize| (at.recall(a) * at.association(a)).sqrt();
        Scores(vec![
            Score::curve("HOTA", &curve(&hota)),
            Score::curve("DetA", &curve(&|a| at.accuracy(a))),
            Score::curve("AssA", &curve(&|a| at.association(a))),
            Score::curve("DetRe", &curve(&|a| at.recall(a))),
            Score::curve("DetPr", &curve(&|a| at.precision(a))),
            Score::curve("AssRe", &curve(&|a| at.association_recall(a))),
            Score::curve("AssPr", &curve(&|a| at.association_precision(a))),
            Score::curve("LocA", &curve(&localization)),
            Score::curve("OWTA", &curve(&owta)),
            Score::ratio("HOTA(0)", hota(0)),
            Score::ratio("LocA(0)", localization(0)),
            Score::ratio("HOTALocA(0)", hota(0) * localization(0)),
            Score::count_curve("HOTA_TP", &at.true_positives),
            Score::count_curve("HOTA_FN", &at.false_negatives),
            Score::count_curve("HOTA_FP", &at.false_positives),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::{HotaCounts, HotaMatches};
    use crate::counts::{Counts as _, ScoreValue, Scores};
    use crate::sequence::Sequence;
    use crate::sequence::tests::sequence;

    fn counts(sequence: &Sequence) -> HotaCounts {
        HotaMatches::new(sequence).counts(&|_| true, &|_| true)
    }

    /// One object over four frames that one result follows for two frames and another one after it.
    const HANDED_OVER: &[&[(usize, usize, f64)]] =
        &[&[(0, 0, 0.8)], &[(0, 0, 0.8)], &[(0, 1, 0.8)], &[(0, 1, 0.8)]];

    fn curve<'a>(scores: &'a Scores, name: &str) -> &'a [f64] {
        match &scores.0.iter().find(|score| score.name == name).unwrap().value {
            ScoreValue::Curve(values) | ScoreValue::CountCurve(values) => values,
            other => panic!("{name} is {other:?}"),
        }
    }

    #[test]
    fn a_track_in_two_halves_is_associated_by_half() {
        let scores = counts(&sequence(1, 2, HANDED_OVER)).scores();
        // Up to an IoU of 0.8, which is 16 of 19 thresholds, all is found.
        for (name, found, lost) in [
            ("DetA", 1.0, 0.0),
            ("AssA", 0.5, 0.0),
            ("AssRe", 0.5, 0.0),
            ("AssPr", 1.0, 0.0),
            ("HOTA", 0.5_f64.sqrt(), 0.0),
            ("LocA", 0.8, 1.0),
            ("HOTA_TP", 4.0, 0.0),
            ("HOTA_FN", 0.0, 4.0),
            ("HOTA_FP", 0.0, 4.0),
        ] {
            for (place, value) in curve(&scores, name).iter().enumerate() {
                let expected = if place < 16 { found } else { lost };
                assert!((value - expected).abs() < 1e-12, "{name}, threshold {place}: {value}");
            }
        }
        assert!((scores.number("HOTA").unwrap() - 16.0 / 19.0 * 0.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn nothing_found_and_nothing_to_find_are_counted() {
        let missed = counts(&sequence(1, 0, &[&[(0, usize::MAX, 0.0)]])).scores();
        assert_eq!(curve(&missed, "HOTA_FN"), [1.0; 19]);
        assert_eq!(curve(&missed, "LocA"), [1.0; 19]);
        let wrong = counts(&sequence(0, 1, &[&[(usize::MAX, 0, 0.0)]])).scores();
        assert_eq!(
            (curve(&wrong, "HOTA_FP"), curve(&wrong, "HOTA")),
            (&[1.0; 19][..], &[0.0; 19][..])
        );
        assert!(counts(&sequence(0, 0, &[&[]])).is_empty());
    }

    #[test]
    fn whole_tracks_decide_within_a_frame() {
        // In the last frame the second result lies better, but the first one has been there all along.
        let frames: &[&[(usize, usize, f64)]] =
            &[&[(0, 0, 0.9)], &[(0, 0, 0.9)], &[(0, 0, 0.6), (0, 1, 0.7)]];
        let scores = counts(&sequence(1, 2, frames)).scores();
        assert_eq!(curve(&scores, "AssA")[0], 1.0);
        assert_eq!(curve(&scores, "HOTA_FP")[0], 1.0);
    }

    #[test]
    fn objects_of_other_groups_count_neither_for_nor_against() {
        // Two objects are found, each by a result of its own; a third result is on nothing.
        let frame: &[(usize, usize, f64)] = &[(0, 0, 0.8), (1, 1, 0.8), (usize::MAX, 2, 0.0)];
        let sequence = sequence(2, 3, &[frame; 4]);
        let matches = HotaMatches::new(&sequence);
        let first = matches.counts(&|truth| truth == 0, &|result| result == 0).scores();
        assert_eq!((curve(&first, "HOTA")[0], curve(&first, "HOTA_FP")[0]), (1.0, 0.0));
        // The result of the other object is of this group, too, but right.
        let first = matches.counts(&|truth| truth == 0, &|result| result < 2).scores();
        assert_eq!((curve(&first, "HOTA")[0], curve(&first, "HOTA_FP")[0]), (1.0, 0.0));
        let second = matches.counts(&|truth| truth == 1, &|result| result > 0).scores();
        assert_eq!((curve(&second, "DetA")[0], curve(&second, "HOTA_FP")[0]), (0.5, 4.0));
        // Above the IoU nothing is found, and every mask of the group is an error.
        assert_eq!((curve(&second, "HOTA_FN")[18], curve(&second, "HOTA_FP")[18]), (4.0, 8.0));
    }
}
