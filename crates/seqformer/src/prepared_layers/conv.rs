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
mod tests {
    use tch::Device;

    use super::*;

    const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn prepared_kernels_give_the_maps_of_the_plain_convolution() {
        tch::manual_seed(1);
        let three = ConvShape::three(64, 64);
        let shapes = [
            three,
            three.stride(2),
            ConvShape { dilation: 2, padding: 2, ..three },
            ConvShape { groups: 2, ..three },
            ConvShape::three(64, 8),
            ConvShape::pointwise(64, 64),
        ];
        for shape in shapes {
            let fan_in = (shape.weight_size()[1..].iter().product::<i64>() as f64).sqrt();
            let weight = Tensor::randn(shape.weight_size(), ON_CPU) / fan_in;
            let bias = Tensor::randn([shape.outputs], ON_CPU);
            let kernel = Kernel { weight: &weight, bias: &bias };
            let input = Tensor::randn([2, 64, 9, 14], ON_CPU);
            let plain = shape.apply(&input, kernel, None, Activation::None);
            let residual = plain.randn_like();
            for (precision, tolerance) in [(Precision::F32, 1e-5), (Precision::Bf16, 0.05)] {
                let prepared = PreparedConv::of_kernel(shape, kernel, precision);
                let is_plain_three = shape.is_plain_three() && shape.outputs == 64;
                let by_winograd = precision == Precision::Bf16
                    && is_plain_three
                    && WinogradConv::is_faster_in_bf16(64, 64);
                let has_winograd = matches!(&prepared.kernel, PreparedKernel::Taps(taps) if taps.winograd.is_some());
                assert_eq!(has_winograd, by_winograd, "{shape:?}");
                let near = |found: &Tensor, expected: &Tensor| {
                    let error =
                        (found.to_kind(Kind::Float) - expected).abs().max().double_value(&[]);
                    assert!(error < tolerance, "{shape:?} in {precision:?}: {error}");
                };
                let _guard = tch::no_grad_guard();
                for input in [input.shallow_clone(), to_channels_last(&input)] {
                    let found = prepared.forward(&input);
                    near(&found, &plain);
                    near(&prepared.forward_relu(&input), &plain.relu());
                }
                let input = to_channels_last(&input);
                let added = to_channels_last(&residual).to_kind(precision.kind());
                let found = prepared.forward_then(&input, Some(added), Activation::Relu);
                near(&found, &(&plain + &residual).relu());
            }
        }
    }
}
