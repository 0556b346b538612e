//! An affine map of the last axis.

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
        input.linear(&self.weight, Some(&self.bias))
    }
}
