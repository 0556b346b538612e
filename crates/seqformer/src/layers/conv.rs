//! Two-dimensional convolution.

use std::cell::RefCell;

use seqformer_ops::fused::{self, Activation, ConvLayer, Convolution};
use seqformer_ops::pointwise_conv::PointwiseConv;
use seqformer_ops::winograd_conv::WinogradConv;
use tch::{Kind, Tensor, nn};

use crate::Precision;

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

    /// A 3×3 convolution that keeps the size of the map.
    pub(crate) fn three(inputs: i64, outputs: i64) -> Self {
        Self { inputs, outputs, kernel: 3, stride: 1, padding: 1, dilation: 1, groups: 1 }
    }

    /// The same with another stride.
    pub(crate) fn stride(self, stride: i64) -> Self {
        Self { stride, ..self }
    }

    /// Applies a kernel of this shape with what follows it; the residual's memory may be used again.
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

    fn convolution(&self) -> Convolution {
        let &Self { stride, padding, dilation, groups, .. } = self;
        Convolution { stride, padding, dilation, groups }
    }

    /// Whether it is 3×3, keeps the size of the map and mixes all channels.
    fn is_plain_three(&self) -> bool {
        let &Self { inputs, outputs, .. } = self;
        let three = Self::three(inputs, outputs);
        self.kernel == three.kernel && self.convolution() == three.convolution()
    }

    /// Shape of the kernel, `[outputs, inputs / groups, kernel, kernel]`.
    pub(crate) fn weight_size(&self) -> [i64; 4] {
        [self.outputs, self.inputs / self.groups, self.kernel, self.kernel]
    }
}

/// The numbers of a convolution.
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
    shape: ConvShape,
    weight: Tensor,
    bias: Tensor,
    prepared: Option<PreparedKernel>,
}

/// The numbers of a convolution as inference uses them.
#[derive(Debug)]
pub(crate) struct PreparedKernel {
    weight: Tensor,
    bias: Tensor,
    /// The weight laid out for inputs of the size that came last.
    packed: RefCell<Option<([i64; 4], Tensor)>>,
    /// The same with fewer multiplications, where that is faster. In `f32` it is not used, so that the numbers remain
    /// those of the reference.
    winograd: Option<WinogradConv>,
    /// The same with products of our own, where these are faster.
    pointwise: Option<PointwiseConv>,
}

impl PreparedKernel {
    /// Converts the numbers of a convolution of this shape to `precision`.
    pub(crate) fn new(shape: &ConvShape, kernel: Kernel<'_>, precision: Precision) -> Self {
        let kind = precision.kind();
        let by_winograd = precision == Precision::Bf16
            && shape.is_plain_three()
            && WinogradConv::is_faster_in_bf16(shape.inputs, shape.outputs);
        let winograd =
            by_winograd.then(|| WinogradConv::new(kernel.weight, kernel.bias, true)).flatten();
        let Kernel { weight, bias } = kernel;
        let bf16 = precision == Precision::Bf16;
        Self {
            winograd,
            pointwise: PointwiseConv::new(weight, bias, shape.convolution(), bf16),
            weight: to_channels_last(&kernel.weight.detach().to_kind(kind)),
            bias: kernel.bias.detach().to_kind(kind),
            packed: RefCell::new(None),
        }
    }

    /// See [`ConvShape::apply`]; the input is converted to the kind of the kernel.
    pub(crate) fn apply(
        &self,
        shape: &ConvShape,
        input: &Tensor,
        residual: Option<Tensor>,
        activation: Activation,
    ) -> Tensor {
        let input = input.to_kind(self.bias.kind());
        let fits = "the layer has the channels of its input";
        let learns = input.requires_grad();
        if let Some(winograd) = self.winograd.as_ref().filter(|_| residual.is_none() && !learns) {
            return winograd.forward(&input, activation).expect(fits);
        }
        if let Some(pointwise) = self.pointwise.as_ref().filter(|_| !learns) {
            return pointwise.forward(&input, activation, residual).expect(fits);
        }
        let weight = self.packed_for(shape, &input);
        let kernel = Kernel { weight: &weight, bias: &self.bias };
        shape.apply(&input, kernel, residual, activation)
    }

    /// The weight as it is best for this input.
    fn packed_for(&self, shape: &ConvShape, input: &Tensor) -> Tensor {
        let Ok((batch, channels, height, width)) = input.size4() else {
            return self.weight.shallow_clone();
        };
        let size = [batch, channels, height, width];
        let mut packed = self.packed.borrow_mut();
        if let Some((_, weight)) = packed.as_ref().filter(|(of, _)| *of == size) {
            return weight.shallow_clone();
        }
        let weight = fused::pack_conv2d(&self.weight, shape.convolution(), size)
            .expect("there is memory for one more kernel");
        packed.insert((size, weight)).1.shallow_clone()
    }
}

impl Conv2d {
    /// Parameters under `vs`: `weight` `[outputs, inputs, k, k]`, `bias` `[outputs]`.
    pub(crate) fn new(vs: &nn::Path<'_>, shape: ConvShape) -> Self {
        let weight = vs.zeros("weight", &shape.weight_size());
        Self { shape, weight, bias: vs.zeros("bias", &[shape.outputs]), prepared: None }
    }

    /// Lays the weights out for inference; call again after they have changed.
    pub(crate) fn prepare_inference(&mut self, precision: Precision) {
        self.prepared = Some(PreparedKernel::new(&self.shape, self.kernel(), precision));
    }

    /// `[N, inputs, H, W]` → `[N, outputs, H', W']`
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        self.apply(input, Activation::None)
    }

    /// The same, then ReLU.
    pub(crate) fn forward_relu(&self, input: &Tensor) -> Tensor {
        self.apply(input, Activation::Relu)
    }

    /// The kind of number that the convolution takes without converting it.
    pub(crate) fn input_kind(&self) -> Kind {
        self.prepared.as_ref().map_or(self.weight.kind(), |prepared| prepared.bias.kind())
    }

    fn apply(&self, input: &Tensor, activation: Activation) -> Tensor {
        match self.prepared.as_ref().filter(|_| !input.requires_grad()) {
            Some(prepared) => prepared.apply(&self.shape, input, None, activation),
            None => self.shape.apply(input, self.kernel(), None, activation),
        }
    }

    fn kernel(&self) -> Kernel<'_> {
        Kernel { weight: &self.weight, bias: &self.bias }
    }
}

/// Lays a map `[N, C, H, W]` out with its channels innermost, which convolutions on the CPU prefer.
pub(crate) fn to_channels_last(map: &Tensor) -> Tensor {
    map.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

#[cfg(test)]
mod tests;
