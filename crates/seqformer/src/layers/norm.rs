//! Layer and group normalization.

use seqformer_cuda::kernels::{AddNorm, NormedSum, add_norm, kernel_or_none};
use seqformer_ops::packed_linear::WeightBias;
use tch::{Kind, Tensor, nn};

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

    /// Normalizes `update + residual`, `[…, channels]`, without a gradient; with a copy in `bf16` if `with_rounded` is set.
    /// On a GPU this is one pass over memory.
    pub(crate) fn forward_sum(
        &self,
        update: &Tensor,
        residual: &Tensor,
        with_rounded: bool,
    ) -> NormedSum {
        let of = AddNorm { update, residual, weight: &self.weight, bias: &self.bias, eps: EPS };
        let is_on_gpu = update.device().is_cuda();
        let fast = is_on_gpu.then(|| kernel_or_none(add_norm(&of, with_rounded))).flatten();
        fast.unwrap_or_else(|| {
            let full = self.forward(&(update + residual));
            let rounded = with_rounded.then(|| full.to_kind(Kind::BFloat16));
            NormedSum { full, rounded }
        })
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
