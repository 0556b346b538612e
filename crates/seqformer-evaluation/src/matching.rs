//! Greedy matching of detections with ground truth, per IoU threshold and area range.
//!
//! Reference: pycocotools, `COCOeval.evaluateImg`, and YouTube-VIS `cocoapi`,
//! `YTVOSeval.evaluateVid`, which match in the same way.

use seqformer_masks::IouMatrix;

use crate::TruthTrack;
use crate::parameters::{AREA_RANGES, AreaRange, NUM_THRESHOLDS, iou_thresholds};

/// The properties of an annotated object that matching needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth {
    pub(crate) id: i64,
    pub(crate) is_crowd: bool,
    /// In a video, the mean over frames.
    pub(crate) area: f64,
}

/// The matches of one video or image and category.
#[derive(Debug, Clone)]
pub(crate) struct CategoryMatches {
    /// Scores of the detections, best first.
    pub(crate) scores: Vec<f64>,
    /// One for each area range of the benchmark.
    pub(crate) by_area: [Matches; AREA_RANGES.len()],
}

/// Everything that matching needs of one video or image and category, without the masks.
#[derive(Debug)]
pub(crate) struct Compared {
    /// Of the detections, best first.
    pub(crate) scores: Vec<f64>,
    /// Of the detections; in a video, means over frames.
    pub(crate) areas: Vec<f64>,
    pub(crate) truths: Vec<Truth>,
    pub(crate) ious: IouMatrix,
}

impl Compared {
    /// Matches within each of the area ranges of a benchmark.
    pub(crate) fn matches(&self, ranges: [AreaRange; AREA_RANGES.len()]) -> CategoryMatches {
        let Self { scores, areas, truths, ious } = self;
        let by_area = ranges.map(|range| match_detections(ious, areas, truths, range));
        CategoryMatches { scores: scores.clone(), by_area }
    }
}

/// The outcome of one detection: one bit per IoU threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Whether it matches an annotated object.
    pub(crate) matched: u16,
    /// Whether it counts neither for nor against.
    pub(crate) ignored: u16,
}

/// The matches of one video or image, category and area range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Matches {
    /// Number of annotated objects to be found.
    pub(crate) num_positives: usize,
    /// One per detection, best score first.
    pub(crate) outcomes: Vec<Outcome>,
}

/// Matches the detections, best score first, with the ground truth of one video or image and
/// category.
///
/// `areas` are the areas of the detections. Each detection takes the free truth with the highest
/// IoU, the last one among equals. Truths outside `range` and crowds are taken only if nothing else
/// is, and a detection that takes one is ignored.
fn match_detections(
    ious: &IouMatrix,
    areas: &[f64],
    truths: &[Truth],
    range: AreaRange,
) -> Matches {
    let is_ignored = |truth: &Truth| truth.is_crowd || !range.contains(truth.area);
    // Those that count first, otherwise in the order of the file.
    let mut order: Vec<usize> = (0..truths.len()).collect();
    order.sort_by_key(|&index| is_ignored(&truths[index]));
    let num_positives = truths.iter().filter(|truth| !is_ignored(truth)).count();
    let mut outcomes = vec![Outcome::default(); areas.len()];
    for (bit, threshold) in iou_thresholds().into_iter().enumerate() {
        let matches = match_at(ious, truths, &order, num_positives, threshold);
        for (outcome, best) in outcomes.iter_mut().zip(matches) {
            if let Some((counts, truth)) = best {
                // The official tool stores the id of the match, and treats 0 as "no match".
                outcome.matched |= u16::from(truths[truth].id != 0) << bit;
                outcome.ignored |= u16::from(!counts) << bit;
            }
        }
    }
    for (outcome, &area) in outcomes.iter_mut().zip(areas) {
        if !range.contains(area) {
            outcome.ignored |= !outcome.matched & ((1 << NUM_THRESHOLDS) - 1);
        }
    }
    Matches { num_positives, outcomes }
}

/// What a track of a video matches at one threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackMatch {
    /// The place of the annotation.
    pub truth: usize,
    /// Whether the result counts as found; nothing if it counts neither for nor against.
    pub is_right: Option<bool>,
}

/// Matches results of one video and category, best score first, at one IoU threshold, as the
/// evaluation does over all areas.
pub fn match_tracks(
    ious: &IouMatrix,
    truths: &[&TruthTrack],
    threshold: f64,
) -> Vec<Option<TrackMatch>> {
    let truth = |truth: &&TruthTrack| Truth {
        id: truth.id,
        is_crowd: truth.is_crowd,
        area: truth.average_area,
    };
    let truths: Vec<Truth> = truths.iter().map(truth).collect();
    let mut order: Vec<usize> = (0..truths.len()).collect();
    order.sort_by_key(|&index| truths[index].is_crowd);
    let num_positives = truths.iter().filter(|truth| !truth.is_crowd).count();
    let matched = match_at(ious, &truths, &order, num_positives, threshold).into_iter();
    let track_match = |(counts, truth): (bool, usize)| {
        // As in the official tool, the id 0 is no match.
        TrackMatch { truth, is_right: counts.then_some(truths[truth].id != 0) }
    };
    matched.map(|best| best.map(track_match)).collect()
}

/// Matches at one threshold: for each detection, whether its truth counts, and which it is.
///
/// `order` are the truths, those that count first, `num_positives` of them.
fn match_at(
    ious: &IouMatrix,
    truths: &[Truth],
    order: &[usize],
    num_positives: usize,
    threshold: f64,
) -> Vec<Option<(bool, usize)>> {
    let mut taken = vec![false; truths.len()];
    let match_one = |detection: usize| {
        let free = order
            .iter()
            .enumerate()
            .filter(|&(_, &truth)| !taken[truth] || truths[truth].is_crowd)
            .map(|(place, &truth)| (place < num_positives, truth));
        let best = best_match(ious.row(detection), threshold, free);
        if let Some((_, truth)) = best {
            taken[truth] = true;
        }
        best
    };
    (0..ious.num_detections()).map(match_one).collect()
}

/// Returns the best of `free`, which gives for each truth whether it counts; those that count come
/// first.
fn best_match(
    ious: &[f64],
    threshold: f64,
    free: impl Iterator<Item = (bool, usize)>,
) -> Option<(bool, usize)> {
    let mut iou = threshold.min(1.0 - 1e-10);
    let mut best = None;
    for (counts, truth) in free {
        if !counts && matches!(best, Some((true, _))) {
            break;
        }
        // In this direction, so that NaN, the IoU of overflowing boxes, behaves as in the official
        // tool.
        if ious[truth] < iou {
            continue;
        }
        iou = ious[truth];
        best = Some((counts, truth));
    }
    best
}

#[cfg(test)]
mod tests {
    use seqformer_masks::{ImageSize, Rle, track_iou};

    use super::{Outcome, Truth, match_detections};
    use crate::AREA_RANGES;

    const ALL_BITS: u16 = 0b11_1111_1111;

    /// A strip of pixels `start..end` in one frame of 100 pixels.
    fn strip(start: u32, end: u32) -> Vec<Option<Rle>> {
        let size = ImageSize { height: 100, width: 1 };
        vec![Some(Rle::from_counts(size, vec![start, end - start, 100 - end]).unwrap())]
    }

    fn truth(id: i64, is_crowd: bool) -> Truth {
        Truth { id, is_crowd, area: 50.0 }
    }

    fn outcomes(
        detections: &[Vec<Option<Rle>>],
        masks: &[Vec<Option<Rle>>],
        truths: &[Truth],
    ) -> Vec<Outcome> {
        let ious = track_iou(detections, masks, &vec![false; masks.len()]);
        let areas = vec![50.0; detections.len()];
        match_detections(&ious, &areas, truths, AREA_RANGES[0]).outcomes
    }

    #[test]
    fn each_truth_is_found_once() {
        let found = outcomes(&[strip(0, 50), strip(0, 50)], &[strip(0, 50)], &[truth(1, false)]);
        assert_eq!(found[0], Outcome { matched: ALL_BITS, ignored: 0 });
        assert_eq!(found[1], Outcome { matched: 0, ignored: 0 });
    }

    #[test]
    fn a_crowd_is_found_again_and_again_and_counts_for_nothing() {
        let found = outcomes(&[strip(0, 50), strip(0, 50)], &[strip(0, 50)], &[truth(1, true)]);
        assert_eq!(found, [Outcome { matched: ALL_BITS, ignored: ALL_BITS }; 2]);
    }

    #[test]
    fn a_crowd_is_taken_only_if_nothing_else_fits() {
        let masks = [strip(0, 50), strip(0, 60)];
        let truths = [truth(1, true), truth(2, false)];
        let [found] = outcomes(&[strip(0, 50)], &masks, &truths)[..] else { panic!("one outcome") };
        // IoU 5/6 with the object: up to the threshold 0.8 it is taken although the crowd fits better.
        assert_eq!(found, Outcome { matched: ALL_BITS, ignored: 0b11_1000_0000 });
    }

    #[test]
    fn a_truth_with_id_zero_is_taken_but_never_counts_as_found() {
        let found = outcomes(&[strip(0, 50), strip(0, 50)], &[strip(0, 50)], &[truth(0, false)]);
        assert_eq!(found, [Outcome::default(); 2]);
    }

    #[test]
    fn unmatched_detections_outside_of_the_area_range_are_ignored() {
        let ious = track_iou(&[strip(0, 50)], &[], &[]);
        let found = match_detections(&ious, &[50.0], &[], AREA_RANGES[2]).outcomes;
        assert_eq!(found, [Outcome { matched: 0, ignored: ALL_BITS }]);
        let found = match_detections(&ious, &[16384.0], &[], AREA_RANGES[2]).outcomes;
        assert_eq!(found, [Outcome::default()]);
    }
}
