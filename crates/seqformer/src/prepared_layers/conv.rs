//! A convolution whose kernel is laid out for its inputs.

use std::cell::RefCell;

use seqformer_ops::fused::{self, Activation};
use seqformer_ops::pointwise_conv::PointwiseConv;
use seqformer_ops::winograd_conv::WinogradConv;
use tch::{Kind, Tensor};

use crate::Precision;
use crate::layers::{Conv2d, ConvShape, Kernel, to_channels_last};

/// A convolution, prepared.
#[derive(Debug)]
pub(crate) struct PreparedConv {
    kind: Kind,
    kernel: PreparedKernel,
}

#[derive(Debug)]
enum PreparedKernel {
    /// 1×1, with the program's own products, if these are faster.
    Pointwise(PointwiseConv),
    /// Any other.
    Taps(Taps),
}

#[derive(Debug)]
struct Taps {
    shape: ConvShape,
    weight: Tensor,
    bias: Tensor,
    /// The weight laid out for the most recent input size.
    packed: RefCell<Option<([i64; 4], Tensor)>>,
    /// The same with fewer multiplications, if that is faster. Not used in `f32`, so that results stay those of the
    /// reference.
    winograd: Option<WinogradConv>,
}

impl PreparedConv {
    pub(crate) fn new(conv: &Conv2d, precision: Precision) -> Self {
        Self::of_kernel(conv.shape, conv.kernel(), precision)
    }

    /// A convolution with this kernel.
    pub(crate) fn of_kernel(shape: ConvShape, kernel: Kernel<'_>, precision: Precision) -> Self {
        let Kernel { weight, bias } = kernel;
        let bf16 = precision == Precision::Bf16;
        let kernel = match PointwiseConv::new(weight, bias, shape.convolution(), bf16) {
            Some(pointwise) => PreparedKernel::Pointwise(pointwise),
            None => PreparedKernel::Taps(Taps::new(shape, kernel, precision)),
        };
        Self { kind: precision.kind(), kernel }
    }

    /// The kind of input that the convolution accepts without conversion.
    pub(crate) fn input_kind(&self) -> Kind {
        self.kind
    }

    /// `[N, inputs, H, W]` → `[N, outputs, H', W']`
    pub(crate) fn forward(&self, input: &Tensor) -> Tensor {
        self.forward_then(input, None, Activation::None)
    }

    /// The same, followed by ReLU.
    pub(crate) fn forward_relu(&self, input: &Tensor) -> Tensor {
        self.forward_then(input, None, Activation::Relu)
    }

    /// `activation(conv(input) + residual)`; the input is converted to the kind of the kernel, and the residual's
    /// memory may be reused.
    pub(crate) fn forward_then(
        &self,
        input: &Tensor,
        residual: Option<Tensor>,
        activation: Activation,
    ) -> Tensor {
        let input = input.to_kind(self.kind);
        match &self.kernel {
            PreparedKernel::Pointwise(pointwise) => pointwise
                .forward(&input, activation, residual)
                .expect("the layer has the channels of its input"),
            PreparedKernel::Taps(taps) => taps.forward(&input, residual, activation),
        }
    }
}

impl Taps {
    fn new(shape: ConvShape, kernel: Kernel<'_>, precision: Precision) -> Self {
        let by_winograd = precision == Precision::Bf16
            && shape.is_plain_three()
            && WinogradConv::is_faster_in_bf16(shape.inputs, shape.outputs);
        let winograd =
            by_winograd.then(|| WinogradConv::new(kernel.weight, kernel.bias, true)).flatten();
        let kind = precision.kind();
        Self {
            shape,
            weight: to_channels_last(&kernel.weight.detach().to_kind(kind)),
            bias: kernel.bias.detach().to_kind(kind),
            packed: RefCell::new(None),
            winograd,
        }
    }

    fn forward(&self, input: &Tensor, residual: Option<Tensor>, activation: Activation) -> Tensor {
        if let Some(winograd) = self.winograd.as_ref().filter(|_| residual.is_none()) {
            return winograd
                .forward(input, activation)
                .expect("the layer has the channels of its input");
        }
        let weight = self.packed_for(input);
        let kernel = Kernel { weight: &weight, bias: &self.bias };
        self.shape.apply(input, kernel, residual, activation)
    }

    /// The weight in the best layout for this input.
    fn packed_for(&self, input: &Tensor) -> Tensor {
        let Ok((batch, channels, height, width)) = input.size4() else {
            return self.weight.shallow_clone();
        };
        let size = [batch, channels, height, width];
        let mut packed = self.packed.borrow_mut();
        if let Some((_, weight)) = packed.as_ref().filter(|(of, _)| *of == size) {
            return weight.shallow_clone();
        }
        let weight = fused::pack_conv2d(&self.weight, self.shape.convolution(), size)
            .expect("there is memory for one more kernel");
        packed.insert((size, weight)).1.shallow_clone()
    }
}

#[cfg(test)]
mod tests;
