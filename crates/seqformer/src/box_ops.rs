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
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    fn boxes(values: &[f32]) -> Tensor {
        Tensor::from_slice(values).view([-1, 4])
    }

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.to_kind(Kind::Double)).unwrap()
    }

    /// Two boxes, their IoU, and the share of the enclosing box that neither covers.
    const PAIRS: &[([f32; 4], [f32; 4], f64, f64)] = &[
        // The same box.
        ([0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0], 1.0, 0.0),
        // One cell of seven in common, inside a 3 x 3 square.
        ([0.0, 0.0, 2.0, 2.0], [1.0, 1.0, 3.0, 3.0], 1.0 / 7.0, 2.0 / 9.0),
        // Side by side along an edge.
        ([0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 2.0, 1.0], 0.0, 0.0),
        // Apart in both directions, inside a 4 x 4 square.
        ([0.0, 0.0, 1.0, 1.0], [3.0, 3.0, 4.0, 4.0], 0.0, 14.0 / 16.0),
        // Apart in one direction only.
        ([0.0, 0.0, 1.0, 2.0], [2.0, 0.0, 3.0, 2.0], 0.0, 1.0 / 3.0),
        // An empty box in the corner, that of an absent instance.
        ([1.0, 1.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0], 0.0, 3.0 / 4.0),
    ];

    #[test]
    fn both_forms_agree_with_areas_counted_by_hand() {
        for (a, b, iou, uncovered) in PAIRS {
            let expected = iou - uncovered;
            let (a, b) = (boxes(a), boxes(b));
            for (first, second) in [(&a, &b), (&b, &a)] {
                assert!(
                    (numbers(&generalized_iou(first, second))[0] - expected).abs() < 1e-6,
                    "{a:?} {b:?}"
                );
                assert!(
                    (numbers(&giou_loss(first, second))[0] - (1.0 - expected)).abs() < 1e-6,
                    "{a:?} {b:?}"
                );
            }
        }
    }

    #[test]
    fn matcher_form_compares_all_with_all() {
        let a = boxes(&PAIRS.iter().flat_map(|pair| pair.0).collect::<Vec<_>>());
        let b = boxes(&PAIRS.iter().flat_map(|pair| pair.1).collect::<Vec<_>>());
        let all = generalized_iou(&a.unsqueeze(1), &b.unsqueeze(0));
        assert_eq!(all.size(), [6, 6]);
        assert_eq!(numbers(&all.diagonal(0, 0, 1)), numbers(&generalized_iou(&a, &b)));
    }

    #[test]
    fn centre_and_size_become_corners() {
        let corners = cxcywh_to_xyxy(&boxes(&[0.5, 0.25, 0.5, 0.25, 0.0, 0.0, 0.0, 0.0]));
        assert_eq!(numbers(&corners.view([-1])), [0.25, 0.125, 0.75, 0.375, 0.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn an_absent_target_pulls_the_box_to_the_origin() {
        // With an empty target at the origin the loss is 2 - area / enclosing area; the enclosing box is x1 * y1.
        let prediction = boxes(&[0.2, 0.3, 0.6, 0.8]).set_requires_grad(true);
        let loss = giou_loss(&prediction, &boxes(&[0.0; 4])).sum(Kind::Float);
        let gradient = Tensor::run_backward(&[&loss], &[&prediction], false, false).remove(0);
        let (width, height, x1, y1) = (0.4, 0.5, 0.6, 0.8);
        assert!((loss.double_value(&[]) - (2.0 - width * height / (x1 * y1))).abs() < 1e-6);
        let expected = [
            height / (x1 * y1),
            width / (x1 * y1),
            -(height * x1 - width * height) / (x1 * x1 * y1),
            -(width * y1 - width * height) / (x1 * y1 * y1),
        ];
        for (found, expected) in numbers(&gradient.view([-1])).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
        }
    }
}
