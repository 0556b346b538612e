//! Track-every-thing accuracy: localisation, association and classification, told apart.
//!
//! Li et al., "Tracking Every Thing in the Wild" (ECCV 2022). Reference: the TETA code of its
//! repository, `metrics/teta.py`, `TETA`, and `datasets/coco_mots.py`, `COCOMOTS`, for annotations
//! that name every object of their classes (`exhaustive`).

use std::collections::{BTreeMap, BTreeSet};

use crate::alignment::Alignment;
use crate::counts::{Counts, Score, Scores, add_slice, mean};
use crate::sequence::{Frame, Sequence};
use crate::threshold_counts::ThresholdCounts;

/// IoU thresholds of localisation and association: 0, 0.05, to 0.95.
const NUM_ALPHAS: usize = 20;
/// IoU thresholds of classification: those from 0.5 on.
const FIRST_CLASS_ALPHA: usize = 10;
const NUM_CLASS_ALPHAS: usize = NUM_ALPHAS - FIRST_CLASS_ALPHA;
/// Least IoU at which a result is one of a cluster around an object.
const THRESHOLD: f64 = 0.5;

/// Numbers of TETA.
#[derive(Debug, Clone, Default)]
pub(crate) struct TetaCounts {
    at: ThresholdCounts<NUM_ALPHAS>,
    right_class: [f64; NUM_CLASS_ALPHAS],
    wrong_class: [f64; NUM_CLASS_ALPHAS],
    false_class: [f64; NUM_CLASS_ALPHAS],
}

/// All tracks of one video, of whatever class.
pub(crate) struct TetaVideo<'a> {
    pub(crate) sequence: &'a Sequence,
    pub(crate) truth_categories: &'a [usize],
    pub(crate) result_categories: &'a [usize],
    /// The categories that have annotations in any video.
    pub(crate) annotated: &'a BTreeSet<usize>,
}

impl TetaVideo<'_> {
    /// Scores the annotated classes that are in this video, as annotations or as results.
    pub(crate) fn counts(&self) -> BTreeMap<usize, TetaCounts> {
        let others = self.global_matches();
        let present = self.truth_categories.iter().chain(self.result_categories);
        let present: BTreeSet<usize> =
            present.copied().filter(|category| self.annotated.contains(category)).collect();
        let mut false_classes: BTreeMap<usize, [f64; NUM_CLASS_ALPHAS]> = BTreeMap::new();
        let mut all = BTreeMap::new();
        for &category in &present {
            let counts = self.counts_of(category, &others, &mut false_classes);
            all.insert(category, counts);
        }
        for (category, false_class) in false_classes {
            if let Some(counts) = all.get_mut(&category) {
                counts.false_class = false_class;
            }
        }
        all
    }

    /// Matches the masks of every frame, whatever the class; pairs of an object and a result.
    fn global_matches(&self) -> Vec<Vec<(usize, usize)>> {
        let near = |frame: &Frame| near_results(frame, |_| true);
        let clusters: Vec<Vec<usize>> = self.sequence.frames.iter().map(near).collect();
        if clusters.iter().all(Vec::is_empty) {
            return vec![Vec::new(); self.sequence.frames.len()];
        }
        let truths: Vec<usize> = (0..self.sequence.num_truths).collect();
        let results = sorted_union(&clusters);
        let sequence = self.sequence.restricted(&truths, &results);
        let alignment = Alignment::new(&sequence);
        let matches = |frame: &Frame| {
            let pairs = alignment.matches(frame).into_iter();
            let pairs = pairs.filter(|p| frame.iou(p.row, p.column) >= THRESHOLD - f64::EPSILON);
            pairs.map(|p| (frame.truths[p.row], results[frame.results[p.column]])).collect()
        };
        sequence.frames.iter().map(matches).collect()
    }

    fn counts_of(
        &self,
        category: usize,
        global: &[Vec<(usize, usize)>],
        false_classes: &mut BTreeMap<usize, [f64; NUM_CLASS_ALPHAS]>,
    ) -> TetaCounts {
        let is_truth = |truth: usize| self.truth_categories[truth] == category;
        let is_result = |result: usize| self.result_categories[result] == category;
        // The results of each frame around objects of this class, without those that stand for an
        // object of another one.
        let cluster = |(frame, global): (&Frame, &Vec<(usize, usize)>)| {
            let of_others: BTreeSet<usize> =
                global.iter().filter(|pair| !is_truth(pair.0)).map(|pair| pair.1).collect();
            let mut near = near_results(frame, is_truth);
            near.retain(|result| !of_others.contains(result));
            near
        };
        let frames = &self.sequence.frames;
        let clusters: Vec<Vec<usize>> = frames.iter().zip(global).map(cluster).collect();
        let num_alone = |(frame, cluster): (&Frame, &Vec<usize>)| {
            let alone = frame.results.iter().filter(|&&r| is_result(r) && !cluster.contains(&r));
            alone.count() as f64
        };
        let alone: Vec<f64> = frames.iter().zip(&clusters).map(num_alone).collect();
        let truths: Vec<usize> = (0..self.sequence.num_truths).filter(|&t| is_truth(t)).collect();
        let results = sorted_union(&clusters);
        let sequence = self.sequence.restricted(&truths, &results);
        let mut counts = TetaCounts::default();
        if results.is_empty() {
            counts.at.false_negatives = [sequence.num_truth_masks() as f64; NUM_ALPHAS];
            // As in the reference, what earlier classes have counted here is replaced.
            false_classes.insert(category, [alone.iter().sum(); NUM_CLASS_ALPHAS]);
            return counts;
        }
        let alignment = Alignment::new(&sequence);
        let num_pairs = sequence.num_truths * sequence.num_results;
        let mut matches = vec![0.0; NUM_ALPHAS * num_pairs];
        for (number, frame) in sequence.frames.iter().enumerate() {
            let false_class = false_classes.entry(category).or_default();
            for count in false_class {
                *count += alone[number];
            }
            if frame.truths.is_empty() {
                continue;
            }
            let pairs = alignment.matches(frame);
            for a in 0..NUM_ALPHAS {
                let alpha = a as f64 * 0.05;
                let is_matched = |p: &&seqformer_assignment::Pair| {
                    frame.iou(p.row, p.column) >= alpha - f64::EPSILON
                };
                let mut found = BTreeSet::new();
                for pair in pairs.iter().filter(is_matched) {
                    let result = results[frame.results[pair.column]];
                    found.insert(result);
                    let tracks = frame.truths[pair.row] * sequence.num_results;
                    matches[a * num_pairs + tracks + frame.results[pair.column]] += 1.0;
                    let Some(class_alpha) = a.checked_sub(FIRST_CLASS_ALPHA) else { continue };
                    if is_result(result) {
                        counts.right_class[class_alpha] += 1.0;
                        continue;
                    }
                    counts.wrong_class[class_alpha] += 1.0;
                    let class = self.result_categories[result];
                    if self.annotated.contains(&class) {
                        false_classes.entry(class).or_default()[class_alpha] += 1.0;
                    }
                }
                counts.at.true_positives[a] += found.len() as f64;
                counts.at.false_negatives[a] += (frame.truths.len() - found.len()) as f64;
                let surplus = clusters[number].iter().filter(|result| !found.contains(result));
                counts.at.false_positives[a] += surplus.count() as f64;
            }
        }
        counts.at.set_association(&alignment, &matches);
        counts
    }
}

/// Returns the results that come near to one of some annotated tracks in this frame.
fn near_results(frame: &Frame, is_truth: impl Fn(usize) -> bool) -> Vec<usize> {
    let rows: Vec<usize> =
        (0..frame.truths.len()).filter(|&row| is_truth(frame.truths[row])).collect();
    let is_near = |column: &usize| rows.iter().any(|&row| frame.iou(row, *column) >= THRESHOLD);
    (0..frame.results.len()).filter(is_near).map(|column| frame.results[column]).collect()
}

fn sorted_union(clusters: &[Vec<usize>]) -> Vec<usize> {
    let all: BTreeSet<usize> = clusters.iter().flatten().copied().collect();
    all.into_iter().collect()
}

impl Counts for TetaCounts {
    fn add(&mut self, other: &Self, times: f64) {
        self.at.add(&other.at, times);
        add_slice(&mut self.right_class, &other.right_class, times);
        add_slice(&mut self.wrong_class, &other.wrong_class, times);
        add_slice(&mut self.false_class, &other.false_class, times);
    }

    fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    fn scores(&self) -> Scores {
        let at = &self.at;
        let curve = |of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..NUM_ALPHAS).map(of).collect() };
        let class_mean =
            |of: &dyn Fn(usize) -> f64| mean(&(0..NUM_CLASS_ALPHAS).map(of).collect::<Vec<f64>>());
        let (right, wrong, false_class) = (&self.right_class, &self.wrong_class, &self.false_class);
        let classification =
            class_mean(&|a| right[a] / (right[a] + wrong[a] + false_class[a]).max(1.0));
        let class_recall = class_mean(&|a| right[a] / (right[a] + wrong[a]).max(1.0));
        let class_precision = class_mean(&|a| right[a] / (right[a] + false_class[a]).max(1.0));
        let teta = |a: usize| (at.accuracy(a) + at.association(a) + classification) / 3.0;
        Scores(vec![
            Score::curve("TETA", &curve(&teta)),
            Score::curve("LocA", &curve(&|a| at.accuracy(a))),
            Score::curve("AssocA", &curve(&|a| at.association(a))),
            Score::ratio("ClsA", classification),
            Score::curve("LocRe", &curve(&|a| at.recall(a))),
            Score::curve("LocPr", &curve(&|a| at.precision(a))),
            Score::curve("AssocRe", &curve(&|a| at.association_recall(a))),
            Score::curve("AssocPr", &curve(&|a| at.association_precision(a))),
            Score::ratio("ClsRe", class_recall),
            Score::ratio("ClsPr", class_precision),
            Score::count_curve("Loc_TP", &at.true_positives),
            Score::count_curve("Loc_FN", &at.false_negatives),
            Score::count_curve("Loc_FP", &at.false_positives),
            Score::count_curve("Cls_TP", right),
            Score::count_curve("Cls_FN", wrong),
            Score::count_curve("Cls_FP", false_class),
        ])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{TetaCounts, TetaVideo};
    use crate::counts::{Counts as _, Scores};
    use crate::sequence::tests::sequence;

    fn teta(
        frames: &[&[(usize, usize, f64)]],
        truth_categories: &[usize],
        result_categories: &[usize],
    ) -> BTreeMap<usize, TetaCounts> {
        let sequence = sequence(truth_categories.len(), result_categories.len(), frames);
        let annotated: BTreeSet<usize> = truth_categories.iter().copied().collect();
        TetaVideo {
            sequence: &sequence,
            truth_categories,
            result_categories,
            annotated: &annotated,
        }
        .counts()
    }

    fn check(scores: &Scores, expected: [f64; 4]) {
        for (name, value) in ["TETA", "LocA", "AssocA", "ClsA"].into_iter().zip(expected) {
            let found = scores.number(name).unwrap();
            assert!((found - value).abs() < 1e-12, "{name}: expected {value}, found {found}");
        }
    }

    #[test]
    fn a_wrong_class_costs_the_classification_alone() {
        let frames: &[&[(usize, usize, f64)]] = &[&[(0, 0, 1.0)], &[(0, 0, 1.0)]];
        check(&teta(frames, &[3], &[3])[&3].scores(), [1.0, 1.0, 1.0, 1.0]);
        let counts = teta(frames, &[3], &[4]);
        check(&counts[&3].scores(), [2.0 / 3.0, 1.0, 1.0, 0.0]);
        // A class without annotations is not scored.
        assert!(!counts.contains_key(&4));
    }

    #[test]
    fn results_far_from_all_objects_count_for_their_class_alone() {
        let frames: &[&[(usize, usize, f64)]] = &[&[(0, 0, 1.0), (0, 1, 0.1)]];
        let scores = teta(frames, &[3], &[3, 3])[&3].scores();
        check(&scores, [2.5 / 3.0, 1.0, 1.0, 0.5]);
        // Two in one place are one too many.
        let frames: &[&[(usize, usize, f64)]] = &[&[(0, 0, 1.0), (0, 1, 0.6)]];
        let scores = teta(frames, &[3], &[3, 3])[&3].scores();
        check(&scores, [2.5 / 3.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn a_result_that_stands_for_an_object_of_another_class_is_none_too_many() {
        // Both objects lie so close that each result is near to both of them.
        let frames: &[&[(usize, usize, f64)]] =
            &[&[(0, 0, 0.96), (0, 1, 0.6), (1, 0, 0.6), (1, 1, 0.96)]];
        let counts = teta(frames, &[3, 5], &[3, 5]);
        for category in [3, 5] {
            assert_eq!(counts[&category].at.false_positives, [0.0; 20], "class {category}");
        }
    }
}
