//! A linear layer on the last axis.

use seqformer_ops::fused::{self, After};
use seqformer_ops::packed_linear::WeightBias;
use seqformer_ops::precision::full_precision;
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
    /// Like all parameters of the network they are zero until weights are loaded or drawn.
    pub(crate) fn new(vs: &nn::Path<'_>, inputs: i64, outputs: i64) -> Self {
        Self { weight: vs.zeros("weight", &[outputs, inputs]), bias: vs.zeros("bias", &[outputs]) }
    }

    /// A layer that shares the tensors of this one, without gradients.
    pub(crate) fn detach(&self) -> Self {
        Self { weight: self.weight.detach(), bias: self.bias.detach() }
    }

    /// The parameters.
    pub(crate) fn weight_bias(&self) -> WeightBias<'_> {
        WeightBias { weight: &self.weight, bias: &self.bias }
    }

    /// `[…, inputs]` → `[…, outputs]`
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        self.forward_then(input, &After::NOTHING)
    }

    /// The same, followed by ReLU.
    pub(crate) fn forward_relu(&self, input: &Tensor) -> Tensor {
        self.forward_then(input, &After::RELU)
    }

    /// The same in the precision of the parameters, even within mixed precision.
    pub(crate) fn forward_full(&self, input: &Tensor) -> Tensor {
        full_precision(|| self.forward(&input.to_kind(self.weight.kind())))
    }

    /// The same with an epilogue.
    pub(crate) fn forward_then(&self, input: &Tensor, after: &After<'_>) -> Tensor {
        fused::linear(input, &self.weight, &self.bias, after)
            .expect("the layer has the channels of its input")
    }
}

/// Sets elements to zero with probability `p` and scales the others up.
pub(crate) fn dropout(input: Tensor, p: f64) -> Tensor {
    if p <= 0.0 {
        return input;
    }
    fused::dropout(&input, p).expect("there is memory for one more tensor of this size")
}
