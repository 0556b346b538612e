//! ResNet and ResNeXt with frozen batch normalization.
//!
//! He et al. (arXiv:1512.03385), Xie et al. (arXiv:1611.05431). Reference: detectron2 `modeling/backbone/resnet.py`,
//! `BasicStem`, `BasicBlock`, `BottleneckBlock`, `build_resnet_backbone`.

#![expect(
    clippy::arc_with_non_send_sync,
    reason = "autograd may drop a recomputed part on a thread of its own"
)]

use std::sync::Arc;

use seqformer_ops::fused::Activation;
use seqformer_ops::images::max_pool_of_relu;
use tch::{Tensor, nn};

use super::{Backbone, PreparedBackbone, ShapeSpec};
use crate::Precision;
use crate::config::ResNetConfig;
use crate::layers::{ConvShape, FrozenBatchNorm, Kernel, checkpointed, to_channels_last};

mod prepared;

use prepared::PreparedResNet;

/// A ResNet that returns res2 to res5.
#[derive(Debug)]
pub struct ResNet {
    stem: ConvNorm,
    stages: Vec<Vec<Arc<Block>>>,
    outputs: Vec<ShapeSpec>,
    recompute: bool,
}

/// A convolution without bias, followed by normalization.
#[derive(Debug)]
struct ConvNorm {
    /// The name of the convolution among the parameters.
    name: String,
    shape: ConvShape,
    weight: Tensor,
    norm: FrozenBatchNorm,
}

/// Kernel and bias of a convolution with its normalization folded in.
#[derive(Debug)]
struct Folded {
    weight: Tensor,
    bias: Tensor,
}

/// Convolutions with a shortcut around them. ReLU follows each convolution but the last, and the sum.
#[derive(Debug)]
struct Block {
    shortcut: Option<ConvNorm>,
    convs: Vec<ConvNorm>,
}

/// The sizes that differ between blocks.
#[derive(Debug, Clone, Copy)]
struct BlockShape {
    inputs: i64,
    width: i64,
    outputs: i64,
    stride: i64,
    dilation: i64,
    groups: i64,
    stride_in_1x1: bool,
    bottleneck: bool,
}

impl ResNet {
    /// Builds the network.
    ///
    /// Parameters under `vs`: `stem.conv1`, `res{2..5}.{b}.{shortcut, conv1, conv2, conv3}`, each with
    /// `weight` and the buffers `norm.{weight, bias, running_mean, running_var}`.
    pub fn new(vs: &nn::Path<'_>, config: &ResNetConfig) -> Self {
        let stem_channels = config.stem_out_channels;
        let stem =
            ConvShape { kernel: 7, padding: 3, ..ConvShape::pointwise(3, stem_channels).stride(2) };
        let stem = ConvNorm::new(&(vs / "stem" / "conv1"), stem);
        let mut inputs = stem_channels;
        let (mut width, mut outputs) =
            (config.num_groups * config.width_per_group, config.res2_out_channels);
        let mut stride = 4;
        let mut stages = Vec::new();
        let mut maps = Vec::new();
        for (index, &num_blocks) in blocks_per_stage(config.depth).iter().enumerate() {
            let dilated = index == 3 && config.res5_dilation == 2;
            let first_stride = if index == 0 || dilated { 1 } else { 2 };
            let name = format!("res{}", index + 2);
            let blocks = (0..num_blocks).map(|block| {
                let shape = BlockShape {
                    inputs: if block == 0 { inputs } else { outputs },
                    width,
                    outputs,
                    stride: if block == 0 { first_stride } else { 1 },
                    dilation: if dilated { 2 } else { 1 },
                    groups: config.num_groups,
                    stride_in_1x1: config.stride_in_1x1,
                    bottleneck: config.depth >= 50,
                };
                Arc::new(Block::new(&(vs / &name / block), shape))
            });
            stages.push(blocks.collect());
            stride *= first_stride;
            maps.push(ShapeSpec { channels: outputs, stride });
            (inputs, width, outputs) = (outputs, 2 * width, 2 * outputs);
        }
        let network = Self { stem, stages, outputs: maps, recompute: false };
        network.freeze(config.freeze_at);
        network
    }

    /// Freezes the stem for 1, and one more stage for every number above.
    fn freeze(&self, freeze_at: i64) {
        if freeze_at >= 1 {
            self.stem.freeze();
        }
        for (number, stage) in (2..).zip(&self.stages) {
            if freeze_at >= number {
                stage.iter().flat_map(|block| block.convolutions()).for_each(ConvNorm::freeze);
            }
        }
    }
}

/// Blocks in res2 to res5.
fn blocks_per_stage(depth: i64) -> [i64; 4] {
    match depth {
        18 => [2, 2, 2, 2],
        101 => [3, 4, 23, 3],
        152 => [3, 8, 36, 3],
        _ => [3, 4, 6, 3], // 34 and 50; other depths do not pass `SeqFormerConfig::check`
    }
}

impl Backbone for ResNet {
    fn output_shape(&self) -> &[ShapeSpec] {
        &self.outputs
    }

    fn calibrate(&self, images: &Tensor, which: &dyn Fn(&str) -> bool) {
        tch::no_grad(|| {
            let images = to_channels_last(images);
            let map = self.stem.calibrated(&images, None, Activation::Relu, which);
            let map = map.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false);
            let blocks = self.stages.iter().flatten();
            let _last = blocks.fold(map, |map, block| block.calibrated(map, which));
        });
    }

    fn forward(&self, images: &Tensor) -> Vec<Tensor> {
        let map = self.stem.forward(&to_channels_last(images), None, Activation::Relu);
        let mut map = pool(&map);
        let mut outputs = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            for block in stage {
                map = if self.recompute {
                    let block = Arc::clone(block);
                    let [map] = checkpointed(&[&map], move |inputs| {
                        [block.forward(inputs[0].shallow_clone())]
                    });
                    map
                } else {
                    block.forward(map)
                };
            }
            outputs.push(map.shallow_clone());
        }
        outputs
    }

    fn set_recompute(&mut self, recompute: bool) {
        self.recompute = recompute;
    }

    fn prepare(self: Box<Self>, precision: Precision) -> Box<dyn PreparedBackbone> {
        Box::new(PreparedResNet::new(*self, precision))
    }
}

/// Max pooling of the stem: 3×3 cells, stride 2.
fn pool(map: &Tensor) -> Tensor {
    match max_pool_of_relu(map) {
        Some(pooled) => pooled.expect("there is memory for a quarter of the map"),
        None => map.max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false),
    }
}

impl Block {
    fn new(vs: &nn::Path<'_>, shape: BlockShape) -> Self {
        let BlockShape { inputs, width, outputs, stride, dilation, groups, .. } = shape;
        let shortcut = (inputs != outputs).then(|| {
            ConvNorm::new(&(vs / "shortcut"), ConvShape::pointwise(inputs, outputs).stride(stride))
        });
        let three = |inputs, outputs| ConvShape {
            padding: dilation,
            dilation,
            groups,
            ..ConvShape::three(inputs, outputs)
        };
        let convs = if shape.bottleneck {
            let (first, second) = if shape.stride_in_1x1 { (stride, 1) } else { (1, stride) };
            vec![
                ConvShape::pointwise(inputs, width).stride(first),
                three(width, width).stride(second),
                ConvShape::pointwise(width, outputs),
            ]
        } else {
            vec![
                ConvShape::three(inputs, outputs).stride(stride),
                ConvShape::three(outputs, outputs),
            ]
        };
        let convs =
            (1..).zip(convs).map(|(i, shape)| ConvNorm::new(&(vs / format!("conv{i}")), shape));
        Self { shortcut, convs: convs.collect() }
    }

    /// Calibrates the normalizations in data-flow order, and returns the block's output.
    fn calibrated(&self, input: Tensor, which: &dyn Fn(&str) -> bool) -> Tensor {
        let shortcut = self.shortcut.as_ref();
        let shortcut = shortcut.map(|conv| conv.calibrated(&input, None, Activation::None, which));
        let (last, first) = self.convs.split_last().expect("a block has convolutions");
        let hidden = first.iter().fold(input.shallow_clone(), |map, conv| {
            conv.calibrated(&map, None, Activation::Relu, which)
        });
        last.calibrated(&hidden, Some(shortcut.unwrap_or(input)), Activation::Relu, which)
    }

    fn convolutions(&self) -> impl Iterator<Item = &ConvNorm> {
        self.shortcut.iter().chain(&self.convs)
    }

    fn forward(&self, input: Tensor) -> Tensor {
        let shortcut =
            self.shortcut.as_ref().map(|conv| conv.forward(&input, None, Activation::None));
        let (last, first) = self.convs.split_last().expect("a block has convolutions");
        let hidden = first
            .iter()
            .fold(input.shallow_clone(), |map, conv| conv.forward(&map, None, Activation::Relu));
        last.forward(&hidden, Some(shortcut.unwrap_or(input)), Activation::Relu)
    }
}

impl ConvNorm {
    fn new(vs: &nn::Path<'_>, shape: ConvShape) -> Self {
        let weight = vs.zeros("weight", &shape.weight_size());
        let norm = FrozenBatchNorm::new(&(vs / "norm"), shape.outputs);
        let name = vs.components().collect::<Vec<_>>().join(".");
        Self { name, shape, weight, norm }
    }

    fn freeze(&self) {
        let _frozen = self.weight.set_requires_grad(false);
    }

    /// Folds the normalization into the kernel; gradients reach the kernel through it.
    fn fold(&self) -> Folded {
        let norm = self.norm.scale_shift();
        Folded { weight: &self.weight * norm.scale.view([-1, 1, 1, 1]), bias: norm.shift }
    }

    /// Sets the statistics to those of the convolution's output, if `which` accepts its name, and returns the layer's
    /// output.
    fn calibrated(
        &self,
        input: &Tensor,
        residual: Option<Tensor>,
        activation: Activation,
        which: &dyn Fn(&str) -> bool,
    ) -> Tensor {
        if which(&self.name) {
            let no_bias = self.weight.zeros_like().flatten(1, -1).select(1, 0).contiguous();
            let kernel = Kernel { weight: &self.weight, bias: &no_bias };
            self.norm.calibrate(&self.shape.apply(input, kernel, None, Activation::None));
        }
        self.forward(input, residual, activation)
    }

    /// `activation(norm(conv(input)) + residual)`
    fn forward(&self, input: &Tensor, residual: Option<Tensor>, activation: Activation) -> Tensor {
        self.shape.apply(input, self.fold().kernel(), residual, activation)
    }
}

impl Folded {
    /// The kernel and its bias.
    fn kernel(&self) -> Kernel<'_> {
        Kernel { weight: &self.weight, bias: &self.bias }
    }
}
