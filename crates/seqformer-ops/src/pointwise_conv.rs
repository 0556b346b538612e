//! 1×1 convolutions with our own kernels, for inference.
//!
//! Used only where these kernels are faster than oneDNN's: with AVX-512, and for bfloat16 without AMX.

use tch::{Device, Tensor};

use crate::OpsError;
use crate::fused::{Activation, Convolution};
use crate::machine::machine;
use crate::packed_linear::{WeightBias, failed, pack};
use crate::slices::{self, TensorNumber};
use seqformer_kernels::pointwise::{PointwiseInputs, Weights, convolve};
use seqformer_kernels::{Bf16, Factor as _, Machine};

const OPERATION: &str = "pointwise_conv";

/// A 1×1 convolution without padding and groups.
#[derive(Debug)]
pub struct PointwiseConv {
    weights: PackedWeights,
}

#[derive(Debug)]
enum PackedWeights {
    F32(Weights<f32>),
    Bf16(Weights<Bf16>),
}

impl PointwiseConv {
    /// Packs a kernel, in `bf16` if requested. `None` if it is not a 1×1 convolution, the number of inputs is odd, the weight
    /// is not `f32` on the CPU, or this machine has no such kernels.
    ///
    /// # Shapes
    ///
    /// - `weight`: `[outputs, inputs, 1, 1]`
    /// - `bias`: `[outputs]`
    pub fn new(weight: &Tensor, bias: &Tensor, shape: Convolution, bf16: bool) -> Option<Self> {
        let (outputs, inputs, height, width) = weight.size4().ok()?;
        let Convolution { stride, padding, groups, .. } = shape;
        let stride = usize::try_from(stride).ok().filter(|&stride| stride > 0)?;
        let is_point = (height, width, padding, groups) == (1, 1, 0, 1);
        let fits = outputs > 0 && inputs > 0 && inputs % 2 == 0 && bias.size() == [outputs];
        if !is_point || !fits || !has_kernels(bf16) {
            return None;
        }
        let layer = WeightBias { weight, bias };
        let weights = if bf16 {
            PackedWeights::Bf16(Weights { matrix: pack(layer)?, stride })
        } else {
            PackedWeights::F32(Weights { matrix: pack(layer)?, stride })
        };
        Some(Self { weights })
    }

    /// `activation(conv(input) + bias + residual)`, without a gradient.
    ///
    /// Takes ownership of the residual, whose memory is reused for the result unless other references to it exist.
    ///
    /// # Shapes
    ///
    /// - `input`: `[N, inputs, H, W]` of the weight's kind; not copied if it is channels-last
    /// - `residual`: like the output
    /// - output: `[N, outputs, H', W']` of the same kind, channels-last
    ///
    /// # Errors
    ///
    /// If a shape or kind is wrong, or memory runs out.
    pub fn forward(
        &self,
        input: &Tensor,
        activation: Activation,
        residual: Option<Tensor>,
    ) -> Result<Tensor, OpsError> {
        let relu = activation == Activation::Relu;
        match &self.weights {
            PackedWeights::F32(weights) => apply(weights, input, relu, residual),
            PackedWeights::Bf16(weights) => apply(weights, input, relu, residual),
        }
    }
}

fn has_kernels(bf16: bool) -> bool {
    let Machine { set, products, .. } = machine();
    if bf16 {
        Bf16::has_panel_products(set, products)
    } else {
        f32::has_panel_products(set, products)
    }
}

fn apply<T: TensorNumber>(
    weights: &Weights<T>,
    input: &Tensor,
    relu: bool,
    residual: Option<Tensor>,
) -> Result<Tensor, OpsError> {
    let size = input.size();
    let (inputs, outputs) = (weights.matrix.inputs() as i64, weights.matrix.outputs() as i64);
    let fits = size.len() == 4 && size[1] == inputs;
    if !fits || input.kind() != T::KIND || input.device() != Device::Cpu {
        let expected = format!("{:?} of [N, {inputs}, H, W] on the CPU", T::KIND);
        let found = format!("{:?} of {size:?} on {:?}", input.kind(), input.device());
        return Err(wrong("input", expected, found));
    }
    let after = |length: i64| (length as usize).div_ceil(weights.stride) as i64;
    let sizes = [size[0], outputs, after(size[2]), after(size[3])];
    let torch = |message: String| OpsError::Torch { operation: OPERATION, message };
    let map = input.detach().permute([0, 2, 3, 1]);
    let map = map.f_contiguous().map_err(|error| torch(error.to_string()))?;
    let inputs = PointwiseInputs {
        weights,
        map: slices::elements(&map).ok_or_else(|| torch("the map is not dense".to_owned()))?,
        height: size[2] as usize,
        width: size[3] as usize,
        add: residual.is_some(),
        relu,
    };
    let fits = |given: &Tensor| given.size() == sizes && given.kind() == T::KIND;
    if let Some(residual) = residual.as_ref().filter(|residual| !fits(residual)) {
        let found = format!("{:?} of {:?}", residual.kind(), residual.size());
        return Err(wrong("residual", format!("{:?} of {sizes:?}", T::KIND), found));
    }
    let mut out = result_map::<T>(sizes, residual).map_err(|error| torch(error.to_string()))?;
    let elements = slices::own_map::<T>(&mut out)
        .ok_or_else(|| torch("the memory of the result is shared".to_owned()))?;
    if !elements.is_empty() {
        convolve(&inputs, elements, &machine()).map_err(|error| torch(failed(error)))?;
    }
    Ok(out)
}

/// A channels-last map with no other references that contains the residual, or is uninitialized if there is none.
fn result_map<T: TensorNumber>(
    sizes: [i64; 4],
    residual: Option<Tensor>,
) -> Result<Tensor, tch::TchError> {
    let mut residual = residual;
    if residual.as_mut().and_then(slices::own_map::<T>).is_none() {
        let mut map = slices::new_map::<T>(sizes)?;
        if let Some(residual) = residual {
            map.f_copy_(&residual.detach())?;
        }
        return Ok(map);
    }
    Ok(residual.expect("there is a residual if it has elements"))
}

fn wrong(argument: &'static str, expected: String, found: String) -> OpsError {
    OpsError::Argument { operation: OPERATION, argument, expected, found }
}

#[cfg(test)]
mod tests;
