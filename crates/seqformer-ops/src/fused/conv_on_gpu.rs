//! Convolutions on GPUs without a gradient: bias, residual and ReLU in one pass over the output, instead of one for each.
//!
//! cuDNN can do this within the convolution, but its ReLU may turn NaN into 0, which would hide an overflow.

use seqformer_cuda::kernels::kernel_or_none;
use tch::{TchError, Tensor};

use super::{Activation, ConvLayer, Convolution};
use crate::OpsError;

/// Adds bias and residual to a map in its own memory, and applies ReLU if the last argument is set.
type Epilogue = fn(&Tensor, &Tensor, Option<&Tensor>, bool) -> Result<(), OpsError>;

/// Whether there is more than one pass to save, and no gradient that needs the steps between.
pub(super) fn is_worth_it(
    input: &Tensor,
    layer: &ConvLayer<'_>,
    residual: Option<&Tensor>,
) -> bool {
    input.device().is_cuda() && saves_passes(input, layer, residual)
}

fn saves_passes(input: &Tensor, layer: &ConvLayer<'_>, residual: Option<&Tensor>) -> bool {
    let tensors = [Some(input), Some(layer.weight), Some(layer.bias), residual];
    let has_gradient = tensors.into_iter().flatten().any(Tensor::requires_grad);
    !has_gradient && (residual.is_some() || layer.activation == Activation::Relu)
}

/// See [`super::conv2d`].
pub(super) fn conv2d(
    input: &Tensor,
    layer: &ConvLayer<'_>,
    residual: Option<&Tensor>,
    epilogue: Epilogue,
) -> Result<Tensor, TchError> {
    let &ConvLayer { weight, bias, shape, activation } = layer;
    let Convolution { stride, padding, dilation, groups } = shape;
    let both = |number: i64| [number, number];
    let map = input.f_conv2d(
        weight,
        None::<&Tensor>,
        both(stride),
        both(padding),
        both(dilation),
        groups,
    )?;
    let bias = bias.f_to_kind(map.kind())?;
    let has_one_kind = residual.is_none_or(|residual| residual.kind() == map.kind());
    let relu = activation == Activation::Relu;
    if has_one_kind && kernel_or_none(epilogue(&map, &bias, residual, relu)).is_some() {
        return Ok(map);
    }
    let mut sum = map.f_add(&bias.f_view([1, -1, 1, 1])?)?;
    if let Some(residual) = residual {
        sum = sum.f_add(residual)?;
    }
    if relu { sum.f_relu_() } else { Ok(sum) }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    const FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);
    const FAILURE: &str = "there is no such kernel here";

    /// The kernel's part, by operations of the CPU.
    #[expect(clippy::unnecessary_wraps, reason = "as a kernel, which may fail")]
    fn by_operations(
        map: &Tensor,
        bias: &Tensor,
        residual: Option<&Tensor>,
        relu: bool,
    ) -> Result<(), OpsError> {
        let mut map = map.shallow_clone();
        let _sum = map.f_add_(&bias.view([1, -1, 1, 1])).unwrap();
        if let Some(residual) = residual {
            let _sum = map.f_add_(residual).unwrap();
        }
        if relu {
            let _positive = map.f_relu_().unwrap();
        }
        Ok(())
    }

    fn failing(_: &Tensor, _: &Tensor, _: Option<&Tensor>, _: bool) -> Result<(), OpsError> {
        Err(OpsError::Torch { operation: "conv_epilogue", message: FAILURE.to_owned() })
    }

    #[test]
    fn with_and_without_the_kernel_the_maps_are_those_of_plain_operations() {
        tch::manual_seed(2);
        let input = Tensor::randn([2, 8, 9, 7], FLOAT);
        let bias = Tensor::randn([6], FLOAT);
        let shape = Convolution { stride: 2, padding: 2, dilation: 2, groups: 2 };
        let weight = Tensor::randn([6, 4, 3, 3], FLOAT);
        let plain = input.conv2d(&weight, Some(&bias), [2, 2], [2, 2], [2, 2], 2);
        let residual = plain.randn_like();
        let halves = residual.to_kind(Kind::BFloat16);
        for (activation, added) in [
            (Activation::Relu, None),
            (Activation::None, Some(&residual)),
            (Activation::Relu, Some(&residual)),
            // Of another kind, so that the kernel is not asked.
            (Activation::Relu, Some(&halves)),
        ] {
            let layer = ConvLayer { weight: &weight, bias: &bias, shape, activation };
            assert!(saves_passes(&input, &layer, added));
            let sum = added.map_or_else(|| plain.shallow_clone(), |added| &plain + added);
            let expected = if activation == Activation::Relu { sum.relu() } else { sum };
            for epilogue in [by_operations as Epilogue, failing] {
                let found = conv2d(&input, &layer, added, epilogue).unwrap();
                let off = (found - &expected).abs().max().double_value(&[]);
                assert!(off < 1e-5, "{activation:?}: {off:e}");
            }
        }
        let fallbacks = seqformer_cuda::fallbacks::all();
        assert!(fallbacks.iter().any(|text| text.contains(FAILURE)), "{fallbacks:?}");
    }

    #[test]
    fn gradients_and_a_bias_alone_go_the_plain_way() {
        let input = Tensor::zeros([1, 4, 2, 2], FLOAT);
        let (weight, bias) = (Tensor::zeros([4, 4, 1, 1], FLOAT), Tensor::zeros([4], FLOAT));
        let trained = weight.copy().set_requires_grad(true);
        let shape = Convolution { stride: 1, padding: 0, dilation: 1, groups: 1 };
        let layer = |weight, activation| ConvLayer { weight, bias: &bias, shape, activation };
        assert!(saves_passes(&input, &layer(&weight, Activation::Relu), None));
        assert!(!saves_passes(&input, &layer(&weight, Activation::None), None));
        assert!(!saves_passes(&input, &layer(&trained, Activation::Relu), None));
        assert!(!is_worth_it(&input, &layer(&weight, Activation::Relu), None), "on the CPU");
    }
}
