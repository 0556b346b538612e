//! Intersection over union of masks and of whole tracks.
//!
//! Reference: COCO `maskApi.c`, `rleIou`; YouTube-VIS `cocoapi`, `YTVOSeval.computeIoU`.

mod boxes;

use crate::Rle;

pub use self::boxes::box_iou;

/// IoU of every detection with every truth.
#[derive(Debug, Clone, PartialEq)]
pub struct IouMatrix {
    num_truths: usize,
    /// Row-major, one row per detection.
    values: Vec<f64>,
    num_detections: usize,
}

impl IouMatrix {
    /// Returns the number of rows.
    pub fn num_detections(&self) -> usize {
        self.num_detections
    }

    /// Returns the number of columns.
    pub fn num_truths(&self) -> usize {
        self.num_truths
    }

    /// Returns the IoU of one pair.
    ///
    /// # Panics
    ///
    /// If an index is out of range.
    pub fn get(&self, detection: usize, truth: usize) -> f64 {
        self.row(detection)[truth]
    }

    /// Returns the IoU of one detection with every truth.
    ///
    /// # Panics
    ///
    /// If the index is out of range.
    pub fn row(&self, detection: usize) -> &[f64] {
        &self.values[detection * self.num_truths..][..self.num_truths]
    }

    /// Creates a matrix from its rows.
    ///
    /// # Panics
    ///
    /// If there are not `num_truths` values for each of `num_detections`.
    pub fn from_rows(num_detections: usize, num_truths: usize, values: Vec<f64>) -> Self {
        assert_eq!(values.len(), num_detections * num_truths, "one value per pair");
        Self { num_truths, values, num_detections }
    }

    fn from_fn(
        num_detections: usize,
        num_truths: usize,
        mut iou: impl FnMut(usize, usize) -> f64,
    ) -> Self {
        let pairs = (0..num_detections).flat_map(|d| (0..num_truths).map(move |t| (d, t)));
        let values = pairs.map(|(detection, truth)| iou(detection, truth)).collect();
        Self { num_truths, values, num_detections }
    }
}

/// Pixels of the overlap and of the denominator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Number of pixels set in both masks.
    pub intersection: u64,
    /// Number of pixels set in either mask.
    pub union: u64,
    /// Number of pixels set in the detection.
    pub detection: u64,
}

impl Overlap {
    /// Adds the counts of another frame.
    pub fn add(&mut self, other: Self) {
        self.intersection += other.intersection;
        self.union += other.union;
        self.detection += other.detection;
    }

    /// Returns intersection over union; 0 if the union is empty.
    pub fn iou(self) -> f64 {
        ratio(self.intersection, self.union)
    }

    /// Returns the IoU with a crowd, in which parts of the crowd that the detection does not cover
    /// do not count.
    pub fn crowd_iou(self) -> f64 {
        ratio(self.intersection, self.detection)
    }

    fn iou_of(self, is_crowd: bool) -> f64 {
        if is_crowd { self.crowd_iou() } else { self.iou() }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// A mask with its area, which every pair needs.
#[derive(Debug, Clone, Copy)]
struct Measured<'a> {
    rle: &'a Rle,
    area: u64,
}

impl<'a> Measured<'a> {
    fn new(rle: &'a Rle) -> Self {
        Self { rle, area: rle.area() }
    }
}

fn overlap(detection: Measured<'_>, truth: Measured<'_>) -> Overlap {
    // Masks of different sizes cannot be compared.
    let Some(intersection) = detection.rle.intersection_area(truth.rle) else {
        return Overlap::default();
    };
    let union = detection.area + truth.area - intersection;
    Overlap { intersection, union, detection: detection.area }
}

/// Returns the IoU of every detection with every truth of one image.
///
/// For a crowd truth the denominator is the area of the detection only. Masks of different sizes
/// have IoU 0.
///
/// # Panics
///
/// If `is_crowd` has another length than `truths`.
pub fn mask_iou(detections: &[Rle], truths: &[Rle], is_crowd: &[bool]) -> IouMatrix {
    assert_eq!(truths.len(), is_crowd.len(), "one crowd flag per truth");
    let detections: Vec<_> = detections.iter().map(Measured::new).collect();
    let truths: Vec<_> = truths.iter().map(Measured::new).collect();
    IouMatrix::from_fn(detections.len(), truths.len(), |detection, truth| {
        overlap(detections[detection], truths[truth]).iou_of(is_crowd[truth])
    })
}

/// Returns the IoU of every detected track with every true track of one video.
///
/// Intersections and unions are summed over frames before dividing; a missing mask is empty, and
/// frames beyond the shorter track do not count. For a crowd truth the denominator is the area of
/// the detection only. The official YouTube-VIS tool has no such rule; pass `false` for every truth
/// to get its numbers.
///
/// # Panics
///
/// If `is_crowd` has another length than `truths`.
pub fn track_iou(
    detections: &[Vec<Option<Rle>>],
    truths: &[Vec<Option<Rle>>],
    is_crowd: &[bool],
) -> IouMatrix {
    assert_eq!(truths.len(), is_crowd.len(), "one crowd flag per truth");
    let measure = |track: &'_ [Option<Rle>]| -> Vec<Option<u64>> {
        track.iter().map(|frame| frame.as_ref().map(Rle::area)).collect()
    };
    let detection_areas: Vec<_> = detections.iter().map(|track| measure(track)).collect();
    let truth_areas: Vec<_> = truths.iter().map(|track| measure(track)).collect();
    IouMatrix::from_fn(detections.len(), truths.len(), |detection, truth| {
        let detected = with_areas(&detections[detection], &detection_areas[detection]);
        let truths = with_areas(&truths[truth], &truth_areas[truth]);
        let mut total = Overlap::default();
        for (detected, truth) in detected.zip(truths) {
            total.add(frame_overlap(detected, truth));
        }
        total.iou_of(is_crowd[truth])
    })
}

fn with_areas<'a>(
    track: &'a [Option<Rle>],
    areas: &'a [Option<u64>],
) -> impl Iterator<Item = Option<Measured<'a>>> {
    track.iter().zip(areas).map(|(rle, area)| Some(Measured { rle: rle.as_ref()?, area: (*area)? }))
}

fn frame_overlap(detected: Option<Measured<'_>>, truth: Option<Measured<'_>>) -> Overlap {
    match (detected, truth) {
        (Some(detected), Some(truth)) => overlap(detected, truth),
        (Some(Measured { area, .. }), None) => {
            Overlap { intersection: 0, union: area, detection: area }
        }
        (None, Some(Measured { area, .. })) => {
            Overlap { intersection: 0, union: area, detection: 0 }
        }
        (None, None) => Overlap::default(),
    }
}

#[cfg(test)]
mod tests {
    //! IoU against pycocotools and by hand.

    use std::fs;
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::ImageSize;

    const SIZE: ImageSize = ImageSize { height: 1, width: 10 };

    /// A mask of one row with the pixels from `start` on set.
    fn bar(start: u32, length: u32) -> Rle {
        Rle::from_counts(SIZE, vec![start, length, 10 - start - length]).unwrap()
    }

    #[test]
    fn mask_iou_agrees_with_pycocotools() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/public/polygon.json");
        let golden: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let golden = &golden["merge"];
        let size = ImageSize { height: 40, width: 50 };
        let texts = golden["rles"].as_array().unwrap().iter();
        let masks: Vec<_> = texts
            .map(|text| Rle::parse_compressed(size, text.as_str().unwrap()).unwrap())
            .collect();
        for (key, is_crowd) in [("iou_nocrowd", false), ("iou_crowd", true)] {
            let matrix = mask_iou(&masks, &masks, &[is_crowd; 5]);
            for detection in 0..5 {
                for truth in 0..5 {
                    let expected = golden[key][detection][truth].as_f64().unwrap();
                    let found = matrix.get(detection, truth);
                    assert!((found - expected).abs() < 1e-15, "{key} {detection} {truth}");
                }
            }
        }
    }

    #[test]
    fn tracks_sum_over_frames_before_dividing() {
        let detection = vec![Some(bar(0, 4)), None, Some(bar(0, 1)), Some(bar(0, 9))];
        // The fourth frame has no partner, so it does not count.
        let truth = vec![Some(bar(2, 4)), Some(bar(5, 2)), None];
        let other_size =
            Some(Rle::from_counts(ImageSize { height: 10, width: 1 }, vec![0, 10]).unwrap());
        let truths = [truth.clone(), truth, vec![None; 4], vec![other_size; 4]];
        let matrix = track_iou(&[detection], &truths, &[false, true, false, false]);
        // Intersection 2; union 6 + 2 + 1; the detection alone 4 + 0 + 1. Of the last truth only the
        // union of the frame without a detection is left.
        assert_eq!(matrix.row(0), [2.0 / 9.0, 2.0 / 5.0, 0.0, 0.0]);
        assert_eq!((matrix.num_detections(), matrix.num_truths()), (1, 4));
    }

    #[test]
    fn nothing_at_all_has_iou_zero() {
        assert_eq!(mask_iou(&[Rle::empty(SIZE)], &[Rle::empty(SIZE)], &[false]).get(0, 0), 0.0);
        let matrix = track_iou(&[], &[vec![None]], &[false]);
        assert_eq!((matrix.num_detections(), matrix.num_truths()), (0, 1));
    }
}
