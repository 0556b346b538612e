//! Intersection over union of boxes.
//!
//! Reference: COCO `maskApi.c`, `bbIou`.

use super::IouMatrix;
use crate::BoxXywh;

/// Returns the IoU of every detected box with every true box of one image.
///
/// For a crowd truth the denominator is the area of the detection only. Boxes without extent, and
/// boxes that share at most an edge, have IoU 0. Every step is that of the official tool, so the
/// numbers are identical to the last bit.
///
/// # Panics
///
/// If `is_crowd` has another length than `truths`.
pub fn box_iou(detections: &[BoxXywh], truths: &[BoxXywh], is_crowd: &[bool]) -> IouMatrix {
    assert_eq!(truths.len(), is_crowd.len(), "one crowd flag per truth");
    IouMatrix::from_fn(detections.len(), truths.len(), |detection, truth| {
        let (detection, is_crowd) = (detections[detection], is_crowd[truth]);
        let Some(intersection) = intersection(detection, truths[truth]) else { return 0.0 };
        let area = |of: BoxXywh| of.width * of.height;
        let denominator = if is_crowd {
            area(detection)
        } else {
            area(detection) + area(truths[truth]) - intersection
        };
        intersection / denominator
    })
}

/// Returns the area of the overlap; `None` if there is none.
fn intersection(a: BoxXywh, b: BoxXywh) -> Option<f64> {
    let width = (a.width + a.x).min(b.width + b.x) - a.x.max(b.x);
    let height = (a.height + a.y).min(b.height + b.y) - a.y.max(b.y);
    if width <= 0.0 || height <= 0.0 { None } else { Some(width * height) }
}

#[cfg(test)]
mod tests {
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
}
