//! Layer and group normalization.

use seqformer_ops::packed_linear::WeightBias;
use tch::{Tensor, nn};

pub(crate) const EPS: f64 = 1e-5;

/// Normalizes the last axis.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
}

impl LayerNorm {
    /// Parameters under `vs`: `weight`, `bias`, both `[channels]`.
    pub(crate) fn new(vs: &nn::Path<'_>, channels: i64) -> Self {
        Self { weight: vs.ones("weight", &[channels]), bias: vs.zeros("bias", &[channels]) }
    }

    /// A layer that shares the tensors of this one, without gradients.
    pub(crate) fn detach(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach() }
    }

    /// The parameters.
    pub(crate) fn weight_bias(&self) -> WeightBias<'_> {
        WeightBias { weight: &self.weight, bias: &self.bias }
    }

    /// `[…, channels]` → the same shape
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        input.layer_norm(self.weight.size(), Some(&self.weight), Some(&self.bias), EPS, false)
    }
}

/// Normalizes groups of channels over the whole map.
#[derive(Debug)]
pub(crate) struct GroupNorm {
    num_groups: i64,
    weight: Tensor,
    bias: Tensor,
}

impl GroupNorm {
    /// Parameters under `vs`: `weight`, `bias`, both `[channels]`.
    pub(crate) fn new(vs: &nn::Path<'_>, num_groups: i64, channels: i64) -> Self {
        Self {
            num_groups,
            weight: vs.ones("weight", &[channels]),
            bias: vs.zeros("bias", &[channels]),
        }
    }

    /// A layer that shares the tensors of this one, without gradients.
    pub(crate) fn detach(&self) -> Self {
        Self { num_groups: self.num_groups, weight: self.weight.detach(), bias: self.bias.detach() }
    }

    /// `[N, channels, H, W]` → the same shape
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        input.group_norm(self.num_groups, Some(&self.weight), Some(&self.bias), EPS, false)
    }
}
