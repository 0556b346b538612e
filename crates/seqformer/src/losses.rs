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
mod tests {
    use tch::{Kind, Tensor};

    use super::*;

    fn numbers(tensor: &Tensor) -> Vec<f64> {
        Vec::try_from(tensor.to_kind(Kind::Double).view([-1])).unwrap()
    }

    fn check(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 1e-6 * expected.abs().max(1.0),
                "{found} and {expected}"
            );
        }
    }

    #[test]
    fn focal_loss_is_its_formula_and_stays_finite() {
        let logits = [-80.0_f32, -3.0, -0.5, 0.0, 0.7, 4.0, 80.0];
        for target in [0.0_f32, 1.0] {
            for alpha in [0.25, -1.0] {
                let expected: Vec<f64> = logits
                    .iter()
                    .map(|&x| {
                        let x = f64::from(x);
                        // Of the target's side: log p_t without cancellation, and 1 - p_t.
                        let x = if target > 0.5 { x } else { -x };
                        let log_p = -(-x.abs()).exp().ln_1p() + x.min(0.0);
                        let weight = if alpha < 0.0 {
                            1.0
                        } else if target > 0.5 {
                            alpha
                        } else {
                            1.0 - alpha
                        };
                        -weight * (1.0 - log_p.exp()).powi(2) * log_p
                    })
                    .collect();
                let targets = Tensor::full([7], f64::from(target), (Kind::Float, tch::Device::Cpu));
                check(
                    &numbers(&sigmoid_focal(&Tensor::from_slice(&logits), &targets, alpha)),
                    &expected,
                );
            }
        }
    }

    #[test]
    fn dice_counts_the_overlap_twice_with_one_added() {
        // Probabilities 1/2, 3/4 and 0: overlap 5/4, totals 5/4 and 2.
        let logits = Tensor::from_slice(&[0.0_f32, 3.0_f32.ln(), -90.0]).view([1, 3]);
        let targets = Tensor::from_slice(&[1.0_f32, 1.0, 0.0]).view([1, 3]);
        check(&numbers(&dice(&logits, &targets)), &[1.0 - 3.5 / 4.25]);
        // Nothing there and nothing found is no loss.
        let empty = targets.zeros_like();
        check(&numbers(&dice(&Tensor::full_like(&empty, -90.0), &empty)), &[0.0]);
    }

    #[test]
    fn box_losses_are_means_over_frames_and_sums_over_instances() {
        let boxes =
            Tensor::from_slice(&[0.5_f32, 0.5, 0.2, 0.2, 0.4, 0.4, 0.2, 0.2]).view([1, 2, 4]);
        let targets =
            Tensor::from_slice(&[0.5_f32, 0.5, 0.2, 0.2, 0.5, 0.4, 0.2, 0.2]).view([1, 2, 4]);
        check(&numbers(&box_l1(&boxes, &targets)), &[0.05]);
        // On the second frame half of each box overlaps: one third of the union, which fills the hull.
        let giou = numbers(&box_giou(&boxes, &targets))[0];
        assert!((giou - (1.0 - 1.0 / 3.0) / 2.0).abs() < 1e-4, "{giou}");
        let twice = |tensor: &Tensor| Tensor::cat(&[tensor, tensor], 0);
        check(&numbers(&box_l1(&twice(&boxes), &twice(&targets))), &[0.1]);
    }
}
