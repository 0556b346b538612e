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
