//! Matches queries with instances.
//!
//! DETR (arXiv:2005.12872), section 3.1, with whole box sequences. Reference: VNext `models/matcher.py`,
//! `HungarianMatcher.forward`.

use seqformer_assignment::{CostMatrix, linear_sum_assignment};
use seqformer_cuda::transfer::upload;
use tch::{Device, Kind, Tensor};

use crate::box_ops::{cxcywh_to_xyxy, generalized_iou};
use crate::{ClipTarget, ModelError};

/// For the class cost; that of the class loss may differ.
const FOCAL_ALPHA: f64 = 0.25;
/// Keeps the logarithms of the class cost finite.
const LOG_EPS: f64 = 1e-8;
/// Minimum value of a target's box in the overlap cost.
const MIN_BOX: f64 = 1e-7;
/// libtorch's code for computing distances as sums of squared differences.
const WITHOUT_MATMUL: i64 = 2;

/// Assigns queries to instances at minimum total cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HungarianMatcher {
    /// Weight of the class cost.
    pub cost_class: f64,
    /// Weight of the distance between box sequences.
    pub cost_box: f64,
    /// Weight of the overlap of boxes, averaged over frames.
    pub cost_giou: f64,
}

impl Default for HungarianMatcher {
    fn default() -> Self {
        Self { cost_class: 2.0, cost_box: 5.0, cost_giou: 2.0 }
    }
}

/// The matched pairs of one clip, sorted by query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClipMatches {
    /// Queries.
    pub queries: Vec<i64>,
    /// The instance of each query.
    pub targets: Vec<i64>,
}

/// The matched pairs of one decoder layer, for each clip.
pub type LayerMatches = Vec<ClipMatches>;

/// Predictions of the `D` supervised layers.
#[derive(Debug)]
pub struct Predictions {
    /// Class logits, `[D, N, Q, K]`.
    pub logits: Tensor,
    /// Boxes (cx, cy, w, h), `[D, N, T, Q, 4]`.
    pub boxes: Tensor,
}

impl HungarianMatcher {
    /// Costs of all pairs in each clip, `[D, Q, I]`, in single precision.
    pub fn costs(&self, predictions: &Predictions, targets: &[ClipTarget]) -> Vec<Tensor> {
        tch::no_grad(|| {
            let scores = predictions.logits.to_kind(Kind::Float).sigmoid(); // [D, N, Q, K]
            let boxes = predictions.boxes.to_kind(Kind::Float).transpose(2, 3); // [D, N, Q, T, 4]
            let class_costs = class_costs(&scores);
            let clips = targets.iter().enumerate().map(|(clip, target)| {
                let select = |tensor: &Tensor| tensor.select(1, clip as i64);
                self.clip_costs(&select(&class_costs), &select(&boxes), target)
            });
            clips.collect()
        })
    }

    /// `class_costs` is `[D, Q, K]` and `boxes` `[D, Q, T, 4]`.
    fn clip_costs(&self, class_costs: &Tensor, boxes: &Tensor, target: &ClipTarget) -> Tensor {
        let labels = upload(&Tensor::from_slice(&target.labels), boxes.device());
        let class = class_costs.index_select(2, &labels); // [D, Q, I]
        let goals = target.boxes.to_kind(Kind::Float); // [I, T, 4]
        // Differs: the reference lets PyTorch use a matrix product for many boxes, which rounds small distances by up
        // to 1e-3.
        let flat = goals.flatten(1, 2).unsqueeze(0).expand([boxes.size()[0], -1, -1], false);
        let distance = Tensor::cdist(&boxes.flatten(2, 3), &flat, 2.0, WITHOUT_MATMUL);
        let goals = cxcywh_to_xyxy(&goals.clamp(MIN_BOX, 1.0));
        let overlap = generalized_iou(&cxcywh_to_xyxy(boxes).unsqueeze(2), &goals); // [D, Q, I, T]
        let overlap = overlap.mean_dim(-1, false, Kind::Float);
        distance * self.cost_box + class * self.cost_class - overlap * self.cost_giou
    }

    /// Matches each decoder layer by its own predictions.
    ///
    /// # Errors
    ///
    /// If a cost is NaN, because a prediction is.
    pub fn match_layers(
        &self,
        predictions: &Predictions,
        targets: &[ClipTarget],
    ) -> Result<Vec<LayerMatches>, ModelError> {
        self.match_groups(predictions, targets, 1)
    }

    /// The same with queries in `groups` of equal size, each of which is matched with all instances by itself.
    ///
    /// # Errors
    ///
    /// Those of [`HungarianMatcher::match_layers`].
    pub fn match_groups(
        &self,
        predictions: &Predictions,
        targets: &[ClipTarget],
        groups: i64,
    ) -> Result<Vec<LayerMatches>, ModelError> {
        let (num_layers, num_queries) =
            (predictions.logits.size()[0] as usize, predictions.logits.size()[2] as usize);
        let group_size = num_queries / groups as usize;
        let costs = self.costs(predictions, targets);
        // One transfer for all layers and clips.
        let flat: Vec<Tensor> = costs.iter().map(|costs| costs.reshape([-1])).collect();
        let flat = if flat.is_empty() {
            Tensor::zeros([0], (Kind::Float, Device::Cpu))
        } else {
            Tensor::cat(&flat, 0)
        };
        let flat = flat.to_device(Device::Cpu).to_kind(Kind::Double);
        let mut values = vec![0.0_f64; flat.numel()];
        flat.f_copy_data(&mut values, flat.numel())?;
        let mut layers = vec![LayerMatches::new(); num_layers];
        let mut rest = values.as_slice();
        for (clip, target) in targets.iter().enumerate() {
            let num_columns = target.num_instances();
            for (layer, matches) in layers.iter_mut().enumerate() {
                let (block, after) = rest.split_at(num_queries * num_columns);
                rest = after;
                let mut of_clip = ClipMatches::default();
                for first in (0..num_queries).step_by(group_size) {
                    let values = &block[first * num_columns..(first + group_size) * num_columns];
                    let costs = CostMatrix { values, num_rows: group_size, num_columns };
                    let pairs = linear_sum_assignment(costs)
                        .map_err(|source| ModelError::Matching { layer, clip, source })?;
                    of_clip.queries.extend(pairs.iter().map(|pair| (first + pair.row) as i64));
                    of_clip.targets.extend(pairs.iter().map(|pair| pair.column as i64));
                }
                matches.push(of_clip);
            }
        }
        Ok(layers)
    }
}

/// The focal loss of a positive minus that of a negative: `[…, K]` → `[…, K]`.
fn class_costs(scores: &Tensor) -> Tensor {
    let misses: Tensor = 1.0 - scores;
    let positive = misses.square() * (scores + LOG_EPS).log() * -FOCAL_ALPHA;
    let negative = scores.square() * (misses + LOG_EPS).log() * -(1.0 - FOCAL_ALPHA);
    positive - negative
}

#[cfg(test)]
mod tests;
