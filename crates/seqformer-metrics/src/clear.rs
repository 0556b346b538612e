//! The CLEAR metrics of tracks: accuracy and precision at IoU 0.5, switches, fragments, coverage.
//!
//! Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT
//! Metrics" (EURASIP JIVP 2008); on masks: Voigtlaender et al., "MOTS: Multi-Object Tracking and
//! Segmentation" (CVPR 2019). Reference: TrackEval, `metrics/clear.py`, `CLEAR`.

use crate::alignment::assign;
use crate::counts::{Counts, Score, Scores};
use crate::sequence::Sequence;

/// Least IoU of a match.
const THRESHOLD: f64 = 0.5;
/// Going on with the result of the frame before is worth more than any IoU.
const CONTINUES: f64 = 1000.0;
/// A track is mostly tracked above this part of its frames,
const MOSTLY: f64 = 0.8;
/// and mostly lost below this.
const PARTLY: f64 = 0.2;

/// Numbers of CLEAR.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClearCounts {
    true_positives: f64,
    false_negatives: f64,
    false_positives: f64,
    switches: f64,
    fragments: f64,
    mostly_tracked: f64,
    partly_tracked: f64,
    mostly_lost: f64,
    /// Sum over true positives.
    iou: f64,
}

/// What is known of an annotated track while frames go by.
#[derive(Debug, Clone, Default)]
struct Followed {
    num_frames: f64,
    num_matched: f64,
    /// How often it was found anew.
    num_starts: f64,
    /// The result that it was last matched with,
    last: Option<usize>,
    /// and the one in the last frame that has annotations and results.
    before: Option<usize>,
}

impl ClearCounts {
    /// Compares the tracks of one class in one video.
    pub(crate) fn new(sequence: &Sequence) -> Self {
        let mut counts = Self::default();
        let mut tracks = vec![Followed::default(); sequence.num_truths];
        for frame in &sequence.frames {
            for &truth in &frame.truths {
                tracks[truth].num_frames += 1.0;
            }
            let (num_rows, num_columns) = (frame.truths.len(), frame.results.len());
            if num_rows == 0 || num_columns == 0 {
                counts.false_negatives += num_rows as f64;
                counts.false_positives += num_columns as f64;
                continue;
            }
            let score = |row: usize, column: usize| {
                let iou = frame.iou(row, column);
                let continues = tracks[frame.truths[row]].before == Some(frame.results[column]);
                if iou < THRESHOLD - f64::EPSILON {
                    0.0
                } else if continues {
                    CONTINUES + iou
                } else {
                    iou
                }
            };
            let places = (0..num_rows).flat_map(|row| (0..num_columns).map(move |c| (row, c)));
            let costs: Vec<f64> = places.map(|(row, column)| -score(row, column)).collect();
            let mut pairs = assign(&costs, num_rows, num_columns);
            pairs.retain(|pair| -costs[pair.row * num_columns + pair.column] > f64::EPSILON);
            let mut found = vec![None; sequence.num_truths];
            for pair in &pairs {
                let result = frame.results[pair.column];
                found[frame.truths[pair.row]] = Some(result);
                counts.iou += frame.iou(pair.row, pair.column);
            }
            for (track, found) in tracks.iter_mut().zip(found) {
                counts.switches += f64::from(u8::from(track.is_switched(found)));
                track.follow(found);
            }
            let num_matches = pairs.len() as f64;
            counts.true_positives += num_matches;
            counts.false_negatives += num_rows as f64 - num_matches;
            counts.false_positives += num_columns as f64 - num_matches;
        }
        for track in tracks.iter().filter(|track| track.num_frames > 0.0) {
            let part = track.num_matched / track.num_frames;
            if part > MOSTLY {
                counts.mostly_tracked += 1.0;
            } else if part >= PARTLY {
                counts.partly_tracked += 1.0;
            } else {
                counts.mostly_lost += 1.0;
            }
            counts.fragments += (track.num_starts - 1.0).max(0.0);
        }
        counts
    }
}

impl Followed {
    fn is_switched(&self, found: Option<usize>) -> bool {
        matches!((self.last, found), (Some(last), Some(found)) if last != found)
    }

    fn follow(&mut self, found: Option<usize>) {
        if found.is_some() {
            self.num_matched += 1.0;
            self.num_starts += f64::from(u8::from(self.before.is_none()));
            self.last = found;
        }
        self.before = found;
    }
}

impl Counts for ClearCounts {
    fn add(&mut self, other: &Self, times: f64) {
        self.true_positives += other.true_positives * times;
        self.false_negatives += other.false_negatives * times;
        self.false_positives += other.false_positives * times;
        self.switches += other.switches * times;
        self.fragments += other.fragments * times;
        self.mostly_tracked += other.mostly_tracked * times;
        self.partly_tracked += other.partly_tracked * times;
        self.mostly_lost += other.mostly_lost * times;
        self.iou += other.iou * times;
    }

    fn is_empty(&self) -> bool {
        self.true_positives + self.false_negatives + self.false_positives == 0.0
    }

    fn scores(&self) -> Scores {
        let (found, missed) = (self.true_positives, self.false_negatives);
        let (wrong, switches) = (self.false_positives, self.switches);
        let per_truth = |value: f64| value / (found + missed).max(1.0);
        let num_tracks = (self.mostly_tracked + self.partly_tracked + self.mostly_lost).max(1.0);
        Scores(vec![
            Score::ratio("sMOTSA", per_truth(self.iou - wrong - switches)),
            Score::ratio("MOTSA", per_truth(found - wrong - switches)),
            Score::ratio("MOTSP", self.iou / found.max(1.0)),
            Score::ratio("MODSA", per_truth(found - wrong)),
            Score::ratio("Re", per_truth(found)),
            Score::ratio("Pr", found / (found + wrong).max(1.0)),
            Score::ratio("MTR", self.mostly_tracked / num_tracks),
            Score::ratio("PTR", self.partly_tracked / num_tracks),
            Score::ratio("MLR", self.mostly_lost / num_tracks),
            Score::count("TP", found),
            Score::count("FN", missed),
            Score::count("FP", wrong),
            Score::count("IDSW", switches),
            Score::count("Frag", self.fragments),
            Score::count("MT", self.mostly_tracked),
            Score::count("PT", self.partly_tracked),
            Score::count("ML", self.mostly_lost),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::ClearCounts;
    use crate::counts::{Counts as _, Scores};
    use crate::sequence::tests::sequence;

    fn scores(num_truths: usize, num_results: usize, frames: &[&[(usize, usize, f64)]]) -> Scores {
        ClearCounts::new(&sequence(num_truths, num_results, frames)).scores()
    }

    fn check(scores: &Scores, expected: &[(&str, f64)]) {
        for (name, value) in expected {
            let found = scores.number(name).unwrap();
            assert!((found - value).abs() < 1e-12, "{name}: expected {value}, found {found}");
        }
    }

    #[test]
    fn a_change_of_the_result_is_a_switch() {
        let frames: &[&[(usize, usize, f64)]] =
            &[&[(0, 0, 0.8)], &[(0, 0, 0.8)], &[(0, 1, 0.8)], &[(0, 1, 0.8)]];
        check(
            &scores(1, 2, frames),
            &[
                ("TP", 4.0),
                ("IDSW", 1.0),
                ("Frag", 0.0),
                ("MT", 1.0),
                ("MOTSA", 0.75),
                ("sMOTSA", (3.2 - 1.0) / 4.0),
                ("MOTSP", 0.8),
                ("MODSA", 1.0),
            ],
        );
    }

    #[test]
    fn a_result_that_goes_on_is_kept_though_another_lies_better() {
        let frames: &[&[(usize, usize, f64)]] = &[&[(0, 0, 0.6)], &[(0, 0, 0.6), (0, 1, 0.9)]];
        check(&scores(1, 2, frames), &[("IDSW", 0.0), ("TP", 2.0), ("FP", 1.0), ("MOTSP", 0.6)]);
        // After a frame in which it lay elsewhere, it is not kept.
        let frames: &[&[(usize, usize, f64)]] =
            &[&[(0, 0, 0.6)], &[(0, 0, 0.4)], &[(0, 0, 0.6), (0, 1, 0.9)]];
        check(&scores(1, 2, frames), &[("IDSW", 1.0), ("TP", 2.0), ("FN", 1.0), ("Frag", 1.0)]);
    }

    #[test]
    fn a_gap_is_a_fragment_only_where_something_was_found_in_it() {
        let none = usize::MAX;
        let gap: &[&[(usize, usize, f64)]] = &[&[(0, 0, 0.7)], &[(0, none, 0.0)], &[(0, 0, 0.7)]];
        check(&scores(1, 1, gap), &[("Frag", 0.0), ("FN", 1.0), ("PT", 1.0)]);
        let elsewhere: &[&[(usize, usize, f64)]] =
            &[&[(0, 0, 0.7)], &[(0, none, 0.0), (none, 1, 0.0)], &[(0, 0, 0.7)]];
        check(&scores(1, 2, elsewhere), &[("Frag", 1.0), ("FN", 1.0), ("FP", 1.0), ("IDSW", 0.0)]);
    }

    #[test]
    fn tracks_are_mostly_tracked_above_four_fifths_and_mostly_lost_below_one_fifth() {
        let none = usize::MAX;
        for (found, name) in [(10, "MT"), (9, "MT"), (8, "PT"), (2, "PT"), (1, "ML"), (0, "ML")] {
            let frames: Vec<Vec<(usize, usize, f64)>> = (0..10)
                .map(|t| vec![if t < found { (0, 0, 0.9) } else { (0, none, 0.0) }])
                .collect();
            let frames: Vec<&[(usize, usize, f64)]> = frames.iter().map(Vec::as_slice).collect();
            check(&scores(1, 1, &frames), &[(name, 1.0), ("TP", f64::from(found))]);
        }
    }
}
