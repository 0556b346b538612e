//! A Swin Transformer without dropout and with precomputed attention biases.

use seqformer_ops::precision::autocast;
use tch::Tensor;

use super::SwinTransformer;
use crate::Precision;
use crate::backbone::{Backbone as _, PreparedBackbone, ShapeSpec};

/// A Swin Transformer that returns res2 to res5, prepared.
#[derive(Debug)]
pub(super) struct PreparedSwin {
    network: SwinTransformer,
    precision: Precision,
}

impl PreparedSwin {
    pub(super) fn new(network: &SwinTransformer, precision: Precision) -> Self {
        Self { network: tch::no_grad(|| network.detach()), precision }
    }
}

impl PreparedBackbone for PreparedSwin {
    fn output_shape(&self) -> &[ShapeSpec] {
        self.network.output_shape()
    }

    fn forward(&self, images: &Tensor) -> Vec<Tensor> {
        if self.precision == Precision::Bf16 {
            return autocast(images.device(), || self.network.forward(images));
        }
        self.network.forward(images)
    }
}
