//! 3×3 convolutions with stride 1 by Winograd's algorithm, for inference.
//!
//! NaN inputs give the same NaN outputs as a direct convolution. Infinite inputs may give NaN where a direct convolution
//! gives an infinity.
//!
//! Winograd's minimal filtering (Lavin & Gray, arXiv:1509.09308). The products of blocks of tiles use our own kernels or
//! oneDNN's micro-kernels, and are not available on processors and builds without either.

use tch::{Device, Tensor};

use crate::OpsError;
use crate::fused::Activation;
use crate::machine::{has_amx_bf16, machine};
use crate::packed_linear::{failed, has_products, numbers};
use crate::precision::has_bf16_products;
use crate::slices::{self, TensorNumber};
use seqformer_kernels::PANEL;
use seqformer_kernels::winograd::{self, Weights, WinogradInputs};
use seqformer_kernels::{Bf16, Bf16Tiles};

const OPERATION: &str = "winograd_conv";

/// A 3×3 convolution with stride 1, a padding of one cell, no dilation and no groups.
#[derive(Debug)]
pub struct WinogradConv {
    weights: TransformedWeights,
}

#[derive(Debug)]
enum TransformedWeights {
    F32(Weights<f32>),
    Bf16(Weights<Bf16>),
}

impl WinogradConv {
    /// Transforms a kernel, to `bf16` if requested. `None` if it is not such a convolution, the weight is not `f32` on the
    /// CPU, or this machine or build has no such products.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[outputs, inputs, 3, 3]`
    /// - `bias`: `[outputs]`
    pub fn new(weight: &Tensor, bias: &Tensor, bf16: bool) -> Option<Self> {
        let (outputs, inputs, height, width) = weight.size4().ok()?;
        let takes = outputs > 0 && inputs > 0 && (height, width) == (3, 3);
        if !takes || bias.size() != [outputs] || !has_products(bf16) {
            return None;
        }
        let (weight, bias) = (numbers(weight)?, numbers(bias)?);
        let weights = if bf16 {
            TransformedWeights::Bf16(Weights::new(&weight, &bias))
        } else {
            TransformedWeights::F32(Weights::new(&weight, &bias))
        };
        Some(Self { weights })
    }

    /// Whether `bf16` convolutions with these numbers of channels are faster than direct ones.
    ///
    /// With few channels the transforms cost more than they save, and outputs are computed in panels of 64. With at least 64
    /// inputs and panels at least 75 % full it was faster at every measured size. With AMX the answer is no: direct
    /// convolutions should be several times faster there (not measured).
    #[must_use]
    pub fn is_faster_in_bf16(inputs: i64, outputs: i64) -> bool {
        let computed = (outputs as usize).next_multiple_of(PANEL) as i64;
        let pays = inputs >= 64 && inputs % 32 == 0 && outputs > 0 && 3 * computed <= 4 * outputs;
        pays && has_bf16_products() && !has_amx_bf16()
    }

    /// `activation(conv(input) + bias)`, without a gradient.
    ///
    /// # Shapes
    ///
    /// - `input`: `[N, inputs, H, W]` of the weight's kind; not copied if it is channels-last
    /// - output: `[N, outputs, H, W]` of the same kind, channels-last
    ///
    /// # Errors
    ///
    /// If a shape or kind is wrong, or memory runs out.
    pub fn forward(&self, input: &Tensor, activation: Activation) -> Result<Tensor, OpsError> {
        let relu = activation == Activation::Relu;
        match &self.weights {
            TransformedWeights::F32(weights) => convolve(weights, input, relu),
            TransformedWeights::Bf16(weights) => convolve(weights, input, relu),
        }
    }
}

fn convolve<T: TensorNumber>(
    weights: &Weights<T>,
    input: &Tensor,
    relu: bool,
) -> Result<Tensor, OpsError> {
    let size = input.size();
    let fits = size.len() == 4 && size[1] == weights.inputs() as i64;
    if !fits || input.kind() != T::KIND || input.device() != Device::Cpu {
        let expected = format!("{:?} of [N, {}, H, W] on the CPU", T::KIND, weights.inputs());
        let found = format!("{:?} of {size:?} on {:?}", input.kind(), input.device());
        return Err(OpsError::Argument {
            operation: OPERATION,
            argument: "input",
            expected,
            found,
        });
    }
    let torch = |message: String| OpsError::Torch { operation: OPERATION, message };
    let map = input.detach().permute([0, 2, 3, 1]);
    let map = map.f_contiguous().map_err(|error| torch(error.to_string()))?;
    let inputs = WinogradInputs {
        weights,
        map: slices::elements(&map).ok_or_else(|| torch("the map is not dense".to_owned()))?,
        height: size[2] as usize,
        width: size[3] as usize,
        relu,
        #[cfg(target_arch = "x86_64")]
        native: Bf16Tiles::detect::<T>(),
    };
    let sizes = [size[0], size[2], size[3], weights.outputs() as i64];
    let out = slices::filled::<T>(&sizes, |out| {
        if out.is_empty() {
            return Ok(());
        }
        winograd::convolve(&inputs, out, &machine()).map_err(failed)
    });
    Ok(out.map_err(torch)?.permute([0, 3, 1, 2]))
}

#[cfg(test)]
mod tests;
