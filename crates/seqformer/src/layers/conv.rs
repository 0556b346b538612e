//! Two-dimensional convolution.

use seqformer_ops::fused::{self, Activation, ConvLayer, Convolution};
use tch::{Tensor, nn};

/// The sizes of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConvShape {
    pub(crate) inputs: i64,
    pub(crate) outputs: i64,
    pub(crate) kernel: i64,
    pub(crate) stride: i64,
    pub(crate) padding: i64,
    pub(crate) dilation: i64,
    pub(crate) groups: i64,
}

impl ConvShape {
    /// A 1×1 convolution.
    pub(crate) fn pointwise(inputs: i64, outputs: i64) -> Self {
        Self { inputs, outputs, kernel: 1, stride: 1, padding: 0, dilation: 1, groups: 1 }
    }

    /// A 3×3 convolution that preserves the size of the map.
    pub(crate) fn three(inputs: i64, outputs: i64) -> Self {
        Self { inputs, outputs, kernel: 3, stride: 1, padding: 1, dilation: 1, groups: 1 }
    }

    /// The same with another stride.
    pub(crate) fn stride(self, stride: i64) -> Self {
        Self { stride, ..self }
    }

    /// Applies a kernel of this shape with its epilogue; the residual's memory may be reused.
    pub(crate) fn apply(
        &self,
        input: &Tensor,
        kernel: Kernel<'_>,
        residual: Option<Tensor>,
        activation: Activation,
    ) -> Tensor {
        let shape = self.convolution();
        let layer = ConvLayer { weight: kernel.weight, bias: kernel.bias, shape, activation };
        fused::conv2d(input, &layer, residual).expect("the layer has the channels of its input")
    }

    /// How the kernel moves.
    pub(crate) fn convolution(&self) -> Convolution {
        let &Self { stride, padding, dilation, groups, .. } = self;
        Convolution { stride, padding, dilation, groups }
    }

    /// Whether it is 3×3, preserves the size of the map and mixes all channels.
    pub(crate) fn is_plain_three(&self) -> bool {
        let &Self { inputs, outputs, .. } = self;
        let three = Self::three(inputs, outputs);
        self.kernel == three.kernel && self.convolution() == three.convolution()
    }

    /// Shape of the kernel, `[outputs, inputs / groups, kernel, kernel]`.
    pub(crate) fn weight_size(&self) -> [i64; 4] {
        [self.outputs, self.inputs / self.groups, self.kernel, self.kernel]
    }
}

/// Weight and bias of a convolution.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel<'a> {
    /// `[outputs, inputs / groups, k, k]`
    pub(crate) weight: &'a Tensor,
    /// `[outputs]`
    pub(crate) bias: &'a Tensor,
}

/// A convolution with bias.
#[derive(Debug)]
pub(crate) struct Conv2d {
    pub(crate) shape: ConvShape,
    pub(crate) weight: Tensor,
    pub(crate) bias: Tensor,
}

impl Conv2d {
    /// Parameters under `vs`: `weight` `[outputs, inputs, k, k]`, `bias` `[outputs]`.
    pub(crate) fn new(vs: &nn::Path<'_>, shape: ConvShape) -> Self {
        let weight = vs.zeros("weight", &shape.weight_size());
        Self { shape, weight, bias: vs.zeros("bias", &[shape.outputs]) }
    }

    /// A layer that shares the tensors of this one, without gradients.
    pub(crate) fn detach(&self) -> Self {
        Self { shape: self.shape, weight: self.weight.detach(), bias: self.bias.detach() }
    }

    /// Weight and bias.
    pub(crate) fn kernel(&self) -> Kernel<'_> {
        Kernel { weight: &self.weight, bias: &self.bias }
    }

    /// `[N, inputs, H, W]` → `[N, outputs, H', W']`
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        self.shape.apply(input, self.kernel(), None, Activation::None)
    }

    /// The same, followed by ReLU.
    pub(crate) fn forward_relu(&self, input: &Tensor) -> Tensor {
        self.shape.apply(input, self.kernel(), None, Activation::Relu)
    }
}

/// Converts a map `[N, C, H, W]` to channels last, which convolutions on the CPU prefer.
pub(crate) fn to_channels_last(map: &Tensor) -> Tensor {
    map.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}
