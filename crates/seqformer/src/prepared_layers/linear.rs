//! A linear layer whose weight is laid out for an optimized kernel.

use seqformer_ops::fused::{Activation, After};
use seqformer_ops::packed_linear::PackedLinear;
use tch::Tensor;

use crate::Precision;
use crate::layers::Linear;

/// `x Wᵀ + b`, prepared.
#[derive(Debug)]
pub(crate) enum PreparedLinear {
    /// If the machine has a kernel for it.
    Packed(PackedLinear),
    /// Otherwise.
    Plain(Linear),
}

impl PreparedLinear {
    pub(crate) fn new(linear: &Linear, precision: Precision) -> Self {
        match PackedLinear::new(linear.weight_bias(), precision == Precision::Bf16) {
            Some(packed) => Self::Packed(packed),
            None => Self::Plain(linear.detach()),
        }
    }

    /// `[…, inputs]` → `[…, outputs]`
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        self.forward_then(input, Activation::None, None)
    }

    /// The same, followed by ReLU.
    pub(crate) fn forward_relu(&self, input: &Tensor) -> Tensor {
        self.forward_then(input, Activation::Relu, None)
    }

    /// The same outside libtorch's mixed precision.
    pub(crate) fn forward_full(&self, input: &Tensor) -> Tensor {
        match self {
            Self::Packed(_) => self.forward(input),
            Self::Plain(linear) => linear.forward_full(input),
        }
    }

    /// `activation(x Wᵀ + b) + residual`
    pub(crate) fn forward_then(
        &self,
        input: &Tensor,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Tensor {
        match self {
            Self::Packed(packed) => packed
                .forward(input, activation, residual)
                .expect("the layer has the channels of its input"),
            Self::Plain(linear) => {
                linear.forward_then(input, &After { activation, dropout: 0.0, residual })
            }
        }
    }
}
