//! A few linear layers with ReLU between them.

use seqformer_ops::precision::full_precision;
use tch::{Kind, Tensor};

use super::PreparedLinear;
use crate::Precision;
use crate::layers::Mlp;

/// The box head and the controller of dynamic mask parameters, prepared.
#[derive(Debug)]
pub(crate) struct PreparedMlp {
    hidden: Vec<PreparedLinear>,
    last: PreparedLinear,
}

impl PreparedMlp {
    /// The last layer stays in full precision.
    pub(crate) fn new(mlp: &Mlp, precision: Precision) -> Self {
        let (last, hidden) = mlp.layers.split_last().expect("there are three layers");
        Self {
            hidden: hidden.iter().map(|layer| PreparedLinear::new(layer, precision)).collect(),
            last: PreparedLinear::new(last, Precision::F32),
        }
    }

    /// `[…, inputs]` → `[…, outputs]`, outside libtorch's mixed precision.
    pub(crate) fn forward_full(&self, input: &Tensor) -> Tensor {
        full_precision(|| {
            let hidden = self.hidden.iter();
            let hidden =
                hidden.fold(input.to_kind(Kind::Float), |input, layer| layer.forward_relu(&input));
            self.last.forward(&hidden)
        })
    }
}
