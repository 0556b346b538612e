//! Precision and recall over all videos or images.
//!
//! Reference: pycocotools, `COCOeval.accumulate` and `Params`; YouTube-VIS `cocoapi`,
//! `YTVOSeval.accumulate` and `Params`, which differ in the area ranges only.

use std::collections::BTreeMap;

use crate::matching::{CategoryMatches, Matches};
use crate::parameters::{AREA_RANGES, NUM_THRESHOLDS};

/// Number of recall points.
pub(crate) const NUM_RECALL_POINTS: usize = 101;
/// Maximum numbers of detections per video or image and category, best score first.
pub const MAX_DETECTIONS: [usize; 3] = [1, 10, 100];
/// 0.00 to 1.00 as computed by numpy's `linspace`.
fn recall_points() -> [f64; NUM_RECALL_POINTS] {
    let step = 1.0 / (NUM_RECALL_POINTS - 1) as f64;
    let mut points = std::array::from_fn(|index| index as f64 * step);
    points[NUM_RECALL_POINTS - 1] = 1.0;
    points
}

/// Precision and recall of every setting; −1 where there is nothing to be found.
///
/// The axes are `T` IoU thresholds, `R` recall points, `K` categories, `A` area ranges and `M`
/// limits on the number of detections. Only categories that have annotations or results take
/// memory, because a dataset may name many thousands of others.
#[derive(Debug, Clone, PartialEq)]
pub struct PrecisionRecall {
    num_categories: usize,
    /// Indices of the categories that have annotations or results, ascending: `P` of them.
    present: Vec<usize>,
    /// `[T, R, P, A, M]`, row-major.
    precision: Vec<f64>,
    /// `[T, P, A, M]`, row-major.
    recall: Vec<f64>,
}

/// An index into the arrays without the recall point; the category is one of those present.
#[derive(Debug, Clone, Copy)]
struct Cell {
    threshold: usize,
    category: usize,
    area: usize,
    limit: usize,
}

/// A detection in the ranking over all videos or images.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    score: f64,
    part: usize,
    /// Its index among the detections of its video or image.
    rank: usize,
}

impl PrecisionRecall {
    /// Accumulates the matches. For each category that has any, given by its index, these are the
    /// matches of its videos or images, ordered by id.
    pub(crate) fn new(
        num_categories: usize,
        categories: &BTreeMap<usize, Vec<CategoryMatches>>,
    ) -> Self {
        let cells = categories.len() * AREA_RANGES.len() * MAX_DETECTIONS.len();
        let mut curves = Self {
            num_categories,
            present: categories.keys().copied().collect(),
            precision: vec![-1.0; NUM_THRESHOLDS * NUM_RECALL_POINTS * cells],
            recall: vec![-1.0; NUM_THRESHOLDS * cells],
        };
        for (place, parts) in categories.values().enumerate() {
            curves.add_category(place, parts);
        }
        curves
    }

    /// Returns the sizes of the axes `T, R, K, A, M`.
    pub fn shape(&self) -> [usize; 5] {
        Self::shape_of(self.num_categories)
    }

    /// Returns the precisions of all categories, `[T, R, K, A, M]`, row-major.
    pub fn precision(&self) -> Vec<f64> {
        self.of_all(&self.precision, NUM_THRESHOLDS * NUM_RECALL_POINTS)
    }

    /// Returns the recalls of all categories, `[T, K, A, M]`, row-major.
    pub fn recall(&self) -> Vec<f64> {
        self.of_all(&self.recall, NUM_THRESHOLDS)
    }

    /// Returns the indices of the categories that have annotations or results, ascending.
    pub fn present(&self) -> &[usize] {
        &self.present
    }

    /// Returns the precision at each recall point, all areas and up to 100 results taken together: the mean over the
    /// categories at these places of [`Self::present`] that have something to be found, at one IoU threshold or over
    /// all. Nothing if none has.
    pub fn mean_precision(&self, threshold: Option<usize>, places: &[usize]) -> Option<Vec<f64>> {
        let thresholds: Vec<usize> =
            threshold.map_or_else(|| (0..NUM_THRESHOLDS).collect(), |threshold| vec![threshold]);
        let limit = MAX_DETECTIONS.len() - 1;
        let has_objects = |&&place: &&usize| self.precision_at([0, 0, place, 0, limit]) > -1.0;
        let places: Vec<usize> = places.iter().filter(has_objects).copied().collect();
        let count = (places.len() * thresholds.len()) as f64;
        let at = |point: usize| {
            let pairs = thresholds.iter().flat_map(|&t| places.iter().map(move |&k| (t, k)));
            pairs.map(|(t, k)| self.precision_at([t, point, k, 0, limit])).sum::<f64>() / count
        };
        (!places.is_empty()).then(|| (0..NUM_RECALL_POINTS).map(at).collect())
    }

    /// Returns the precision of one setting at one recall point, given as `[T, R, P, A, M]`.
    pub(crate) fn precision_at(&self, index: [usize; 5]) -> f64 {
        self.precision[flat_index(Self::shape_of(self.present.len()), index)]
    }

    /// Returns the recall of one setting, given as `[T, P, A, M]`.
    pub(crate) fn recall_at(&self, [threshold, category, area, limit]: [usize; 4]) -> f64 {
        self.recall[self.recall_index(Cell { threshold, category, area, limit })]
    }

    /// Returns how many numbers were computed.
    #[cfg(test)]
    pub(crate) fn num_values(&self) -> usize {
        self.precision.len() + self.recall.len()
    }

    fn shape_of(num_categories: usize) -> [usize; 5] {
        let (areas, limits) = (AREA_RANGES.len(), MAX_DETECTIONS.len());
        [NUM_THRESHOLDS, NUM_RECALL_POINTS, num_categories, areas, limits]
    }

    /// Expands values to all categories, with −1 for those without annotations or results.
    fn of_all(&self, values: &[f64], num_rows: usize) -> Vec<f64> {
        let cell = AREA_RANGES.len() * MAX_DETECTIONS.len();
        let mut all = vec![-1.0; num_rows * self.num_categories * cell];
        for row in 0..num_rows {
            for (place, &category) in self.present.iter().enumerate() {
                let from = cell * (row * self.present.len() + place);
                let to = cell * (row * self.num_categories + category);
                all[to..to + cell].copy_from_slice(&values[from..from + cell]);
            }
        }
        all
    }

    fn add_category(&mut self, category: usize, parts: &[CategoryMatches]) {
        let ranking = ranking(parts);
        for area in 0..AREA_RANGES.len() {
            let matches: Vec<&Matches> = parts.iter().map(|part| &part.by_area[area]).collect();
            let num_positives: usize = matches.iter().map(|matches| matches.num_positives).sum();
            if num_positives == 0 {
                continue;
            }
            for (limit, &max_detections) in MAX_DETECTIONS.iter().enumerate() {
                let ranked = ranking.iter().filter(|ranked| ranked.rank < max_detections);
                let outcomes: Vec<_> =
                    ranked.map(|ranked| matches[ranked.part].outcomes[ranked.rank]).collect();
                for threshold in 0..NUM_THRESHOLDS {
                    let counted =
                        outcomes.iter().map(|outcome| match outcome.ignored >> threshold & 1 {
                            0 => Some(outcome.matched >> threshold & 1 == 1),
                            _ => None,
                        });
                    let curve = Curve::new(counted, num_positives);
                    self.set(Cell { threshold, category, area, limit }, &curve);
                }
            }
        }
    }

    fn set(&mut self, cell: Cell, curve: &Curve) {
        let at = self.recall_index(cell);
        self.recall[at] = curve.recall.last().copied().unwrap_or(0.0);
        let Cell { threshold, category, area, limit } = cell;
        let shape = Self::shape_of(self.present.len());
        for (point, precision) in curve.at_recall_points().enumerate() {
            let at = flat_index(shape, [threshold, point, category, area, limit]);
            self.precision[at] = precision;
        }
    }

    fn recall_index(&self, cell: Cell) -> usize {
        let [thresholds, _, categories, areas, limits] = Self::shape_of(self.present.len());
        let Cell { threshold, category, area, limit } = cell;
        flat_index(
            [1, thresholds, categories, areas, limits],
            [0, threshold, category, area, limit],
        )
    }
}

/// Returns the average precision of detections, best score first: right, wrong, or nothing for the
/// ignored. It is the mean of the precision at 101 recall points; without anything to be found, of
/// which there are `num_positives`, it is no number.
pub fn average_precision(
    detections: impl Iterator<Item = Option<bool>>,
    num_positives: usize,
) -> Option<f64> {
    if num_positives == 0 {
        return None;
    }
    let curve = Curve::new(detections, num_positives);
    Some(curve.at_recall_points().sum::<f64>() / NUM_RECALL_POINTS as f64)
}

/// Sorts the detections of all videos or images by score; equal scores keep their order.
fn ranking(parts: &[CategoryMatches]) -> Vec<Ranked> {
    let of_part = |(part, matches): (usize, &CategoryMatches)| {
        let ranked = |(rank, &score): (usize, &f64)| Ranked { score, part, rank };
        matches.scores.iter().enumerate().map(ranked).collect::<Vec<_>>()
    };
    let mut ranking: Vec<Ranked> = parts.iter().enumerate().flat_map(of_part).collect();
    ranking.sort_by(|a, b| by_score(a.score, b.score));
    ranking
}

/// Orders higher scores first.
pub(crate) fn by_score(a: f64, b: f64) -> std::cmp::Ordering {
    // Scores are finite, so all are ordered; `total_cmp` would distinguish 0.0 from -0.0.
    b.partial_cmp(&a).unwrap_or(std::cmp::Ordering::Equal)
}

/// Precision over recall, one step per detection.
#[derive(Debug)]
struct Curve {
    recall: Vec<f64>,
    /// Never increases.
    precision: Vec<f64>,
}

impl Curve {
    /// Creates the curve from the ranked detections: right, wrong, or `None` for ignored ones.
    fn new(detections: impl Iterator<Item = Option<bool>>, num_positives: usize) -> Self {
        let (mut recall, mut precision) = (Vec::new(), Vec::new());
        let (mut right, mut wrong) = (0.0, 0.0);
        for detection in detections {
            match detection {
                Some(true) => right += 1.0,
                Some(false) => wrong += 1.0,
                None => {}
            }
            recall.push(right / num_positives as f64);
            precision.push(right / (wrong + right + f64::EPSILON));
        }
        let mut highest = 0.0_f64;
        for precision in precision.iter_mut().rev() {
            highest = highest.max(*precision);
            *precision = highest;
        }
        Self { recall, precision }
    }

    /// Returns the precision at each recall point; 0 where the recall is not reached.
    fn at_recall_points(&self) -> impl Iterator<Item = f64> {
        recall_points().into_iter().map(|point| {
            let first = self.recall.partition_point(|&recall| recall < point);
            self.precision.get(first).copied().unwrap_or(0.0)
        })
    }
}

fn flat_index(shape: [usize; 5], index: [usize; 5]) -> usize {
    shape.into_iter().zip(index).fold(0, |flat, (size, index)| flat * size + index)
}

#[cfg(test)]
mod tests {
    use super::{Curve, recall_points};
    use crate::parameters::{AREA_RANGES, COCO_AREA_RANGES, iou_thresholds};

    #[test]
    fn thresholds_are_those_of_linspace() {
        // numpy 2.4: np.linspace(0.5, 0.95, 10), np.linspace(0, 1, 101)[[7, 29, 57, 58, 99, 100]]
        assert_eq!(
            iou_thresholds(),
            [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.899_999_999_999_999_9, 0.95]
        );
        let points = [7, 29, 57, 58, 99, 100].map(|index| recall_points()[index]);
        let expected = [0.07, 0.29, 0.570_000_000_000_000_1, 0.58, 0.99, 1.0];
        assert_eq!(points, expected);
    }

    #[test]
    fn precision_never_rises_with_recall() {
        // Right, ignored, wrong, right: recalls 1/4, 1/4, 1/4, 2/4; precisions 1, 1, 1/2, 2/3.
        let detections = [Some(true), None, Some(false), Some(true)];
        let curve = Curve::new(detections.into_iter(), 4);
        assert_eq!(curve.recall, [0.25, 0.25, 0.25, 0.5]);
        let at_points: Vec<f64> = curve.at_recall_points().collect();
        assert!((at_points[0] - 1.0).abs() < 1e-15);
        assert!((at_points[25] - 1.0).abs() < 1e-15);
        assert!((at_points[26] - 2.0 / 3.0).abs() < 1e-15);
        assert!((at_points[50] - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!(at_points[51..], [0.0; 50]);
    }

    #[test]
    fn both_benchmarks_name_their_area_ranges_alike() {
        assert_eq!(AREA_RANGES.map(|range| range.name), COCO_AREA_RANGES.map(|range| range.name));
        assert!(COCO_AREA_RANGES[1].contains(1024.0) && COCO_AREA_RANGES[2].contains(1024.0));
    }
}
