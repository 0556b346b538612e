//! Folds per-frame instance features into one feature for the whole clip.
//!
//! SeqFormer (arXiv:2112.08275), section 3.2: every frame is weighted by its box query. Reference: VNext
//! `models/deformable_transformer.py`, `DeformableTransformerDecoderLayer.forward`.

use tch::{Kind, Tensor, nn};

use crate::layers::Linear;

/// Learned weighted mean over the frames of a clip.
#[derive(Debug)]
pub(crate) struct TemporalAggregation {
    pub(crate) frame_score: Linear,
}

impl TemporalAggregation {
    /// Parameters under `vs`: `time_attention_weights.{weight, bias}`.
    pub(crate) fn new(vs: &nn::Path<'_>, hidden_dim: i64) -> Self {
        Self { frame_score: Linear::new(&(vs / "time_attention_weights"), hidden_dim, 1) }
    }

    /// Logits of the frame weights: `[…, C]` → `[…, 1]`.
    pub(crate) fn scores(&self, box_queries: &Tensor) -> Tensor {
        self.frame_score.forward(box_queries).to_kind(Kind::Float)
    }
}

/// Averages features over frames, weighted by the softmax of their scores.
///
/// # Shapes
///
/// - `features`: `[N, T, Q, C]`
/// - `scores`: `[N, T, Q, 1]`
/// - output: `[N, Q, C]`
pub(crate) fn mean_over_frames(features: &Tensor, scores: &Tensor) -> Tensor {
    // Normalized over frames, not over queries.
    let weights = scores.softmax(1, Kind::Float);
    (features * weights).sum_dim_intlist(1, false, Kind::Float)
}

/// The mean of [`mean_over_frames`] over frames that arrive one after the other, for inference.
#[derive(Debug, Default)]
pub(crate) struct RunningMean {
    sums: Option<Sums>,
}

/// Sums over the frames so far, relative to the exponential of the largest score.
#[derive(Debug)]
struct Sums {
    /// `[N, Q, 1]`
    greatest: Tensor,
    /// Sum of the weights, `[N, Q, 1]`.
    weights: Tensor,
    /// Sum of the weighted features, `[N, Q, C]`.
    features: Tensor,
}

impl RunningMean {
    /// Adds frames: `[N, T', Q, C]` and `[N, T', Q, 1]`.
    pub(crate) fn add(&mut self, features: &Tensor, scores: &Tensor) {
        let here = scores.amax([1], false);
        let greatest = match &self.sums {
            Some(sums) => sums.greatest.maximum(&here),
            None => here,
        };
        let weights = (scores - greatest.unsqueeze(1)).exp();
        let sum = |tensor: Tensor| tensor.sum_dim_intlist(1, false, Kind::Float);
        let (mut total, mut sum) = (sum(weights.shallow_clone()), sum(features * weights));
        if let Some(sums) = &self.sums {
            let scale = (&sums.greatest - &greatest).exp();
            total += &sums.weights * &scale;
            sum += &sums.features * &scale;
        }
        self.sums = Some(Sums { greatest, weights: total, features: sum });
    }

    /// The mean, `[N, Q, C]`.
    pub(crate) fn mean(&self) -> Tensor {
        let sums = self.sums.as_ref().expect("frames were added");
        &sums.features / &sums.weights
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn a_running_mean_is_the_mean_over_all_frames() {
        let on = (Kind::Float, Device::Cpu);
        // The greatest score comes in the middle; without a common unit its exponential would overflow.
        let scores = Tensor::randn([2, 7, 5, 1], on) * 30.0;
        let _greatest = scores.narrow(1, 3, 1).fill_(200.0);
        let features = Tensor::randn([2, 7, 5, 4], on);
        let expected = mean_over_frames(&features, &scores);
        for sizes in [vec![7], vec![1; 7], vec![2, 4, 1]] {
            let mut mean = RunningMean::default();
            let mut first = 0;
            for size in sizes {
                mean.add(&features.narrow(1, first, size), &scores.narrow(1, first, size));
                first += size;
            }
            let difference = (mean.mean() - &expected).abs().max().double_value(&[]);
            assert!(difference < 1e-6, "off by {difference}");
        }
    }
}
