//! The loss functions, without weights.
//!
//! Focal loss: Lin et al. (arXiv:1708.02002), equation 5. Dice: Milletari et al. (arXiv:1606.04797).
//! Reference: VNext `models/segmentation_condInst.py`, `sigmoid_focal_loss`, `dice_loss`.

use tch::{Kind, Reduction, Tensor};

use crate::box_ops::{cxcywh_to_xyxy, giou_loss};

/// `α_t (1 - p_t)² · cross entropy` of each element; a negative `alpha` omits `α_t`.
pub(crate) fn sigmoid_focal(logits: &Tensor, targets: &Tensor, alpha: f64) -> Tensor {
    let probabilities = logits.sigmoid();
    let cross_entropy =
        logits.binary_cross_entropy_with_logits::<Tensor>(targets, None, None, Reduction::None);
    let negatives = targets.neg() + 1.0;
    let p_t = &probabilities * targets + (probabilities.neg() + 1.0) * &negatives;
    let loss = cross_entropy * (p_t.neg() + 1.0).square();
    if alpha < 0.0 {
        return loss;
    }
    loss * (targets * alpha + negatives * (1.0 - alpha))
}

/// `1 - (2 Σ p y + 1) / (Σ p + Σ y + 1)` over the last axis, `[I, E]` → `[I]`.
pub(crate) fn dice(logits: &Tensor, targets: &Tensor) -> Tensor {
    let probabilities = logits.sigmoid();
    let sum = |tensor: &Tensor| tensor.sum_dim_intlist(-1, false, Kind::Float);
    let overlap = sum(&(&probabilities * targets)) * 2.0 + 1.0;
    let total = sum(&probabilities) + sum(targets) + 1.0;
    (overlap / total).neg() + 1.0
}

/// `Σ |p - t|` over all instances and frames, divided by the number of frames.
///
/// `boxes` and `targets` are (cx, cy, w, h), `[I, T, 4]`.
pub(crate) fn box_l1(boxes: &Tensor, targets: &Tensor) -> Tensor {
    (boxes - targets).abs().sum(Kind::Float) / boxes.size()[1] as f64
}

/// `Σ 1 - GIoU` over all instances and frames, divided by the number of frames.
///
/// `boxes` and `targets` are (cx, cy, w, h), `[I, T, 4]`.
pub(crate) fn box_giou(boxes: &Tensor, targets: &Tensor) -> Tensor {
    let loss = giou_loss(&cxcywh_to_xyxy(boxes), &cxcywh_to_xyxy(targets));
    loss.sum(Kind::Float) / boxes.size()[1] as f64
}

#[cfg(test)]
mod tests;
