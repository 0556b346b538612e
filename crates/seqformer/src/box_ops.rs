//! Boxes as tensors: conversion and generalized intersection over union.
//!
//! Rezatofighi et al., "Generalized Intersection over Union" (arXiv:1902.09630). The matcher and the loss of the
//! reference use two forms of it, which differ for boxes that do not overlap or are empty.

use tch::Tensor;

/// Keeps the division by the enclosing area finite, and in the loss also that by the union.
const EPS: f64 = 1e-7;

/// (cx, cy, w, h) → (x0, y0, x1, y1), `[…, 4]`.
pub(crate) fn cxcywh_to_xyxy(boxes: &Tensor) -> Tensor {
    let (centre, half) = (boxes.narrow(-1, 0, 2), boxes.narrow(-1, 2, 2) * 0.5);
    Tensor::cat(&[&centre - &half, centre + half], -1)
}

/// The terms of both forms, `[…]` each.
struct Areas {
    /// Sides of the overlap, `[…, 2]`; negative for boxes that do not overlap.
    overlap: Tensor,
    /// Sides of the enclosing box, `[…, 2]`.
    enclosing: Tensor,
    /// Sum of both areas.
    sum: Tensor,
}

impl Areas {
    /// `a` and `b` are (x0, y0, x1, y1) and broadcast against each other, `[…, 4]`.
    fn new(a: &Tensor, b: &Tensor) -> Self {
        let low = |boxes: &Tensor| boxes.narrow(-1, 0, 2);
        let high = |boxes: &Tensor| boxes.narrow(-1, 2, 2);
        Self {
            overlap: high(a).minimum(&high(b)) - low(a).maximum(&low(b)),
            enclosing: high(a).maximum(&high(b)) - low(a).minimum(&low(b)),
            sum: product(&(high(a) - low(a))) + product(&(high(b) - low(b))),
        }
    }
}

/// Width times height, `[…, 2]` → `[…]`.
fn product(sides: &Tensor) -> Tensor {
    sides.select(-1, 0) * sides.select(-1, 1)
}

/// Generalized IoU in the matcher's form, which divides by the union without an epsilon.
///
/// `a` and `b` are (x0, y0, x1, y1) and broadcast against each other: `[…, 4]` → `[…]`. Reference: VNext
/// `seqformer/util/box_ops.py`, `generalized_box_iou`.
pub(crate) fn generalized_iou(a: &Tensor, b: &Tensor) -> Tensor {
    let areas = Areas::new(a, b);
    let intersection = product(&areas.overlap.clamp_min(0.0));
    let union = areas.sum - &intersection;
    let enclosing = product(&areas.enclosing.clamp_min(0.0));
    intersection / &union - (&enclosing - union) / (&enclosing + EPS)
}

/// `1 - GIoU` in the form of the loss.
///
/// `a` and `b` are (x0, y0, x1, y1) of the same shape: `[…, 4]` → `[…]`. Reference: fvcore `nn/giou_loss.py`.
pub(crate) fn giou_loss(a: &Tensor, b: &Tensor) -> Tensor {
    let areas = Areas::new(a, b);
    // No clamp, because boxes that only touch have no gradient.
    let overlaps = areas.overlap.gt(0.0).all_dim(-1, false);
    let intersection = product(&areas.overlap);
    let intersection = intersection.where_self(&overlaps, &intersection.zeros_like());
    let union = areas.sum - &intersection;
    let enclosing = product(&areas.enclosing);
    let giou = intersection / (&union + EPS) - (&enclosing - union) / (&enclosing + EPS);
    giou.neg() + 1.0
}

#[cfg(test)]
mod tests;
