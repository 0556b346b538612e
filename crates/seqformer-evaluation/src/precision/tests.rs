use super::Curve;

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
