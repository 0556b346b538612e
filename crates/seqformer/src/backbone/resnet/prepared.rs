//! A ResNet whose normalizations are folded into its kernels.

use std::sync::Arc;

use seqformer_ops::fused::Activation;
use tch::Tensor;

use super::{Block, ConvNorm, ResNet, pool};
use crate::Precision;
use crate::backbone::{PreparedBackbone, ShapeSpec};
use crate::layers::to_channels_last;
use crate::prepared_layers::PreparedConv;

/// A ResNet that returns res2 to res5, prepared.
#[derive(Debug)]
pub(super) struct PreparedResNet {
    stem: PreparedConv,
    stages: Vec<Vec<PreparedBlock>>,
    outputs: Vec<ShapeSpec>,
}

/// Convolutions with a shortcut around them. ReLU follows each convolution but the last, and the
/// sum.
#[derive(Debug)]
struct PreparedBlock {
    shortcut: Option<PreparedConv>,
    convs: Vec<PreparedConv>,
}

impl PreparedResNet {
    pub(super) fn new(network: ResNet, precision: Precision) -> Self {
        let ResNet { stem, stages, outputs, .. } = network;
        let stage = |stage: Vec<Arc<Block>>| {
            stage.into_iter().map(|block| PreparedBlock::new(&block, precision)).collect()
        };
        Self {
            stem: fold(&stem, precision),
            stages: stages.into_iter().map(stage).collect(),
            outputs,
        }
    }
}

/// Folds the normalization into the kernel, once.
fn fold(conv: &ConvNorm, precision: Precision) -> PreparedConv {
    tch::no_grad(|| PreparedConv::of_kernel(conv.shape, conv.fold().kernel(), precision))
}

impl PreparedBackbone for PreparedResNet {
    fn output_shape(&self) -> &[ShapeSpec] {
        &self.outputs
    }

    fn forward(&self, images: &Tensor) -> Vec<Tensor> {
        let mut map = pool(&self.stem.forward_relu(&to_channels_last(images)));
        let mut outputs = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            for block in stage {
                map = block.forward(map);
            }
            outputs.push(map.shallow_clone());
        }
        outputs
    }
}

impl PreparedBlock {
    fn new(block: &Block, precision: Precision) -> Self {
        let convs = block.convs.iter();
        Self {
            shortcut: block.shortcut.as_ref().map(|conv| fold(conv, precision)),
            convs: convs.map(|conv| fold(conv, precision)).collect(),
        }
    }

    fn forward(&self, input: Tensor) -> Tensor {
        let shortcut = self.shortcut.as_ref().map(|conv| conv.forward(&input));
        let (last, first) = self.convs.split_last().expect("a block has convolutions");
        let hidden = first.iter().fold(input.shallow_clone(), |map, conv| conv.forward_relu(&map));
        last.forward_then(&hidden, Some(shortcut.unwrap_or(input)), Activation::Relu)
    }
}
