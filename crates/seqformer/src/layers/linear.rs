//! An affine map of the last axis.

use seqformer_ops::fused::{self, Activation};
use tch::{Tensor, nn};

/// `x Wᵀ + b`.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
}

impl Linear {
    /// Parameters under `vs`: `weight` `[outputs, inputs]`, `bias` `[outputs]`.
    ///
    /// Like all parameters of the network they begin as zeros; weights are loaded or drawn later.
    pub(crate) fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Self {
        Self { weight: vs.zeros("weight", &[outputs, inputs]), bias: vs.zeros("bias", &[outputs]) }
    }

    /// `[…, inputs]` → `[…, outputs]`
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        self.apply(input, Activation::None)
    }

    /// The same, then ReLU.
    pub(crate) fn forward_relu(&self, input: &Tensor) -> Tensor {
        self.apply(input, Activation::Relu)
    }

    /// The same plus `residual`, `[…, outputs]`.
    pub(crate) fn forward_add(&self, input: &Tensor, residual: &Tensor) -> Tensor {
        fused::linear_add(input, &self.weight, &self.bias, residual)
            .expect("the layer has the channels of its input")
    }

    fn apply(&self, input: &Tensor, activation: Activation) -> Tensor {
        fused::linear(input, &self.weight, &self.bias, activation)
            .expect("the layer has the channels of its input")
    }
}
