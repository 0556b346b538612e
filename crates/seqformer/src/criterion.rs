//! The loss of matched predictions, for every supervised decoder layer.
//!
//! SeqFormer (arXiv:2112.08275), section 3.4. Reference: VNext `models/segmentation_condInst.py`, `SetCriterion`.

use seqformer_cuda::transfer::upload;
use seqformer_masks::ImageSize;
use tch::{Kind, Tensor};

use crate::losses::{box_giou, box_l1, dice, sigmoid_focal};
use crate::{ClipTarget, TrainLayer, TrainOutput};

/// For the mask loss; the class loss has its own.
const MASK_FOCAL_ALPHA: f64 = 0.25;

/// Weights of the losses, the same in all decoder layers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossWeights {
    /// Focal loss of the classes, `loss_ce`.
    pub class: f64,
    /// L1 distance of the boxes, `loss_bbox`.
    pub l1: f64,
    /// Generalized IoU of the boxes, `loss_giou`.
    pub giou: f64,
    /// Focal loss of the masks, `loss_mask`.
    pub mask: f64,
    /// Dice loss of the masks, `loss_dice`.
    pub dice: f64,
}

impl Default for LossWeights {
    fn default() -> Self {
        Self { class: 2.0, l1: 5.0, giou: 2.0, mask: 2.0, dice: 5.0 }
    }
}

/// Computes the losses of matched predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SetCriterion {
    /// Weights of the losses.
    pub weights: LossWeights,
    /// Weight of positives in the class loss; negative disables weighting.
    pub focal_alpha: f64,
}

impl Default for SetCriterion {
    fn default() -> Self {
        Self { weights: LossWeights::default(), focal_alpha: 0.25 }
    }
}

/// A loss with its name in the reference's logs.
#[derive(Debug)]
pub struct Loss {
    /// For instance `loss_bbox_3`; those of the last layer have no number.
    pub name: String,
    /// A scalar.
    pub value: Tensor,
}

/// The weighted losses of a batch.
#[derive(Debug)]
pub struct Losses {
    /// In the order of the reference: the last layer, then the others.
    pub weighted: Vec<Loss>,
    /// Percentage of matched queries whose best class is wrong; it is not trained.
    pub class_error: Tensor,
}

impl Losses {
    /// Sum of the weighted losses, which training minimizes.
    pub fn total(&self) -> Tensor {
        let values: Vec<&Tensor> = self.weighted.iter().map(|loss| &loss.value).collect();
        Tensor::stack(&values, 0).sum(Kind::Float)
    }

    /// Everything that the reference logs, in its order: `class_error` comes after the first loss.
    ///
    /// The reference's `total_loss` is the sum of these, including `class_error`.
    pub fn logged(&self) -> Vec<(&str, &Tensor)> {
        let mut logged: Vec<(&str, &Tensor)> =
            self.weighted.iter().map(|loss| (loss.name.as_str(), &loss.value)).collect();
        logged.insert(1.min(logged.len()), ("class_error", &self.class_error));
        logged
    }
}

/// The divisor of a batch's losses: the mean number of instances per process, at least 1.
///
/// `sum_over_processes` sums a number over all `num_processes`; for one process it is the identity.
pub fn mean_instances(
    targets: &[ClipTarget],
    num_processes: usize,
    sum_over_processes: impl FnOnce(f64) -> f64,
) -> f64 {
    let local: usize = targets.iter().map(ClipTarget::num_instances).sum();
    (sum_over_processes(local as f64) / num_processes as f64).max(1.0)
}

/// The instances of all clips, concatenated.
struct Targets {
    /// `[I]`
    labels: Tensor,
    /// `[I, T, 4]`
    boxes: Tensor,
    /// `[I, T, H / 4, W / 4]` of padded frames
    masks: Tensor,
    /// 1 for the exhaustive classes of each clip, `[N, 1, K]`; `None` if all classes of all clips are.
    exhaustive: Option<Tensor>,
}

impl Targets {
    fn new(clips: &[ClipTarget], padded: ImageSize, logits: &Tensor) -> Self {
        let device = logits.device();
        let labels: Vec<i64> = clips.iter().flat_map(|clip| clip.labels.iter().copied()).collect();
        let boxes: Vec<Tensor> = clips.iter().map(|clip| clip.boxes.to_kind(Kind::Float)).collect();
        let masks: Vec<Tensor> = clips.iter().map(|clip| clip.strided_masks(padded)).collect();
        Self {
            labels: upload(&Tensor::from_slice(&labels), device),
            boxes: Tensor::cat(&boxes, 0).to_device(device),
            masks: Tensor::cat(&masks, 0).to_device(device),
            exhaustive: exhaustive_classes(clips, logits.size()[2])
                .map(|classes| upload(&classes, device)),
        }
    }
}

impl SetCriterion {
    /// The losses of a batch, divided by `num_boxes` (see [`mean_instances`]), and the mean over the groups of queries.
    ///
    /// Without any instance the losses of boxes and masks are zero. Their gradients exist and are zero as well, except
    /// for the controller's, which does not exist, as in the reference.
    ///
    /// # Panics
    ///
    /// If `output` has no layers; that of the network has at least one.
    pub fn forward(&self, output: &TrainOutput, targets: &[ClipTarget], num_boxes: f64) -> Losses {
        let (last, others) = output.layers.split_last().expect("the decoder has layers");
        let num_boxes = num_boxes * output.query_groups as f64;
        let targets = tch::no_grad(|| Targets::new(targets, output.padded_size, &last.pred_logits));
        let mut weighted = self.layer_losses(last, &targets, num_boxes, "");
        for (index, layer) in others.iter().enumerate() {
            weighted.extend(self.layer_losses(layer, &targets, num_boxes, &format!("_{index}")));
        }
        Losses { weighted, class_error: tch::no_grad(|| class_error(last, &targets)) }
    }

    fn layer_losses(
        &self,
        layer: &TrainLayer,
        targets: &Targets,
        num_boxes: f64,
        suffix: &str,
    ) -> Vec<Loss> {
        let LossWeights { class, l1, giou, mask, dice: dice_weight } = self.weights;
        let boxes = layer.matched_boxes();
        let goals = targets.boxes.index_select(0, &layer.target_index); // [I, T, 4]
        let masks = layer.pred_masks.flatten(1, -1); // [I, T * H / 4 * W / 4]
        let mask_goals = targets.masks.index_select(0, &layer.target_index).flatten(1, -1);
        let focal = sigmoid_focal(&masks, &mask_goals, MASK_FOCAL_ALPHA);
        // The mean over no instances is undefined, but the sum is not.
        let focal = focal.sum(Kind::Float) / masks.size()[1] as f64;
        let parts = [
            ("loss_ce", class, self.class_loss(layer, targets)),
            ("loss_bbox", l1, box_l1(&boxes, &goals)),
            ("loss_giou", giou, box_giou(&boxes, &goals)),
            ("loss_mask", mask, focal),
            ("loss_dice", dice_weight, dice(&masks, &mask_goals).sum(Kind::Float)),
        ];
        let losses = parts.into_iter().map(|(name, weight, value)| Loss {
            name: format!("{name}{suffix}"),
            value: value / num_boxes * weight,
        });
        losses.collect()
    }

    /// Sum over all queries and classes; unmatched queries have no class.
    ///
    /// Unmatched queries are not judged by classes that are not exhaustive in their clip. Matched ones are judged by all
    /// classes: the class of their instance is known, and it has no other one.
    fn class_loss(&self, layer: &TrainLayer, targets: &Targets) -> Tensor {
        let logits = layer.pred_logits.to_kind(Kind::Float).flatten(0, 1); // [N * Q, K]
        let labels = targets.labels.index_select(0, &layer.target_index);
        let one_hot = tch::no_grad(|| {
            let one = Tensor::ones([1], (Kind::Float, logits.device()));
            let mut one_hot = logits.zeros_like();
            one_hot.index_put_(&[Some(&layer.query_index), Some(&labels)], &one, false)
        });
        let losses = sigmoid_focal(&logits, &one_hot, self.focal_alpha);
        let Some(exhaustive) = &targets.exhaustive else { return losses.sum(Kind::Float) };
        let is_judged = tch::no_grad(|| {
            let judged = exhaustive.repeat([1, layer.pred_logits.size()[1], 1]).flatten(0, 1); // [N * Q, K]
            judged.index_fill(0, &layer.query_index, 1.0)
        });
        (losses * is_judged).sum(Kind::Float)
    }
}

/// 1 for the exhaustive classes of each clip, `[N, 1, K]`; `None` if all classes of all clips are.
fn exhaustive_classes(clips: &[ClipTarget], num_classes: i64) -> Option<Tensor> {
    if clips.iter().all(|clip| clip.exhaustive.is_none()) {
        return None;
    }
    let is_exhaustive = |clip: &ClipTarget, class: i64| {
        clip.exhaustive.as_ref().is_none_or(|classes| classes.contains(&class))
    };
    let values: Vec<f32> = clips
        .iter()
        .flat_map(|clip| {
            (0..num_classes).map(move |class| f32::from(u8::from(is_exhaustive(clip, class))))
        })
        .collect();
    Some(Tensor::from_slice(&values).view([clips.len() as i64, 1, num_classes]))
}

/// 100 if nothing is matched.
fn class_error(layer: &TrainLayer, targets: &Targets) -> Tensor {
    let labels = targets.labels.index_select(0, &layer.target_index);
    let logits = layer.pred_logits.flatten(0, 1).index_select(0, &layer.query_index);
    let correct = logits.argmax(-1, false).eq_tensor(&labels).sum(Kind::Float);
    correct * (-100.0 / labels.numel().max(1) as f64) + 100.0
}

#[cfg(test)]
mod tests;
