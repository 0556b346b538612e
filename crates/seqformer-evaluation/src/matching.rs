//! Greedy matching of detections with ground truth, per IoU threshold and area range.
//!
//! Reference: pycocotools, `COCOeval.evaluateImg`, and YouTube-VIS `cocoapi`,
//! `YTVOSeval.evaluateVid`, which match in the same way.

use seqformer_masks::IouMatrix;

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
    pub(crate) fn matches(self, ranges: [AreaRange; AREA_RANGES.len()]) -> CategoryMatches {
        let Self { scores, areas, truths, ious } = self;
        let by_area = ranges.map(|range| match_detections(&ious, &areas, &truths, range));
        CategoryMatches { scores, by_area }
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
        let mut taken = vec![false; truths.len()];
        for (detection, outcome) in outcomes.iter_mut().enumerate() {
            let free = order
                .iter()
                .enumerate()
                .filter(|&(_, &truth)| !taken[truth] || truths[truth].is_crowd)
                .map(|(place, &truth)| (place < num_positives, truth));
            let best = best_match(ious.row(detection), threshold, free);
            if let Some((counts, truth)) = best {
                taken[truth] = true;
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
mod tests;
