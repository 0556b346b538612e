use super::box_iou;
use crate::BoxXywh;

fn boxes<const N: usize>(numbers: [[f64; 4]; N]) -> [BoxXywh; N] {
    numbers.map(|[x, y, width, height]| BoxXywh { x, y, width, height })
}

#[test]
fn box_iou_is_that_of_pycocotools_bit_by_bit() {
    let detections = boxes([
        [0.0, 0.0, 2.0, 2.0],
        [1.0, 1.0, 2.0, 2.0],
        [0.1, 0.2, 0.3, 0.7],
        [5.0, 5.0, 0.0, 3.0],
        [3.0, 3.0, -2.0, 2.0],
    ]);
    let truths = boxes([
        [0.0, 0.0, 2.0, 2.0],
        [0.5, 0.25, 3.3, 1.1],
        [2.0, 0.0, 2.0, 2.0],
        [0.0, 0.0, 10.0, 10.0],
    ]);
    let found = box_iou(&detections, &truths, &[false, false, false, true]);
    // pycocotools 2.0.11: mask.iou(detections, truths, [0, 0, 0, 1])
    let expected = [
        [1.0, 0.275_919_732_441_471_6, 0.0, 1.0],
        [0.142_857_142_857_142_85, 0.101_010_101_010_101_04, 0.142_857_142_857_142_85, 1.0],
        [0.052_500_000_000_000_005, 0.0, 0.0, 1.000_000_000_000_000_2],
        [0.0; 4],
        [0.0; 4],
    ];
    for (row, expected) in expected.iter().enumerate() {
        assert_eq!(found.row(row), expected, "detection {row}");
    }
}

#[test]
fn boxes_beyond_all_numbers_do_not_panic() {
    let far = boxes([[-1e308, -1e308, 1.7e308, 1.7e308], [0.0, 0.0, 1e-200, 1e-200]]);
    let found = box_iou(&far, &far, &[false, true]);
    assert_eq!([found.num_detections(), found.num_truths()], [2, 2]);
}
