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
mod tests;
