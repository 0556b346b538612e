//! Layers together with what follows them, so that a result is not read and written again for it.
//!
//! Where a gradient is recorded, and on devices and kinds without such operators, these are the plain
//! operations one after the other.

mod after;
#[expect(unsafe_code, reason = "calls of the shim, and what it calls back")]
mod binding;

use seqformer_cuda::begin_computing;
use tch::Tensor;

pub use self::after::{Activation, After};
use self::binding::{ConvolutionTensors, RawConvolution};
use crate::OpsError;

/// How a kernel moves over a map, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Cells from one output to the next.
    pub stride: i64,
    /// Zeros around the map.
    pub padding: i64,
    /// Cells from one tap of the kernel to the next.
    pub dilation: i64,
    /// Groups of channels that do not mix.
    pub groups: i64,
}

/// `dropout(activation(x Wᵀ + b)) + residual`.
///
/// With gradients too, neither the sum before ReLU nor a mask of what was dropped is kept. Under
/// [`autocast`](crate::precision::autocast) the product is in `bf16`.
///
/// # Shapes
///
/// - `input`: `[…, inputs]`
/// - `weight`: `[outputs, inputs]`, `bias`: `[outputs]`
/// - `residual`, output: `[…, outputs]`
///
/// # Errors
///
/// If the shapes do not fit, or there is no memory for the result.
pub fn linear(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    after: &After<'_>,
) -> Result<Tensor, OpsError> {
    begin_computing();
    binding::linear(input, weight, bias, after)
        .map_err(|message| OpsError::Torch { operation: "linear", message })
}

/// Sets elements to zero with probability `p` and scales the others by `1 / (1 - p)`.
///
/// On the CPU the choice follows from one number of libtorch's generator, and no mask is kept.
///
/// # Errors
///
/// If there is no memory for the result.
pub fn dropout(input: &Tensor, p: f64) -> Result<Tensor, OpsError> {
    binding::dropout(input, p).map_err(|message| OpsError::Torch { operation: "dropout", message })
}

/// A layer of a convolutional network.
#[derive(Debug, Clone, Copy)]
pub struct ConvLayer<'a> {
    /// `[outputs, inputs / groups, k, k]`
    pub weight: &'a Tensor,
    /// `[outputs]`
    pub bias: &'a Tensor,
    /// How the kernel moves.
    pub shape: Convolution,
    /// What happens to the sum.
    pub activation: Activation,
}

/// `activation(conv(input) + bias + residual)`.
///
/// The residual is given away, so that its memory can become that of the result; other references to it
/// keep what they see.
///
/// # Shapes
///
/// - `input`: `[N, inputs, H, W]`
/// - `residual`: that of the output
/// - output: `[N, outputs, H', W']`
///
/// # Errors
///
/// If the shapes do not fit, or there is no memory for the result.
pub fn conv2d(
    input: &Tensor,
    layer: &ConvLayer<'_>,
    residual: Option<Tensor>,
) -> Result<Tensor, OpsError> {
    begin_computing();
    let &ConvLayer { weight, bias, shape, activation } = layer;
    let Convolution { stride, padding, dilation, groups } = shape;
    let tensors = ConvolutionTensors { input, weight, bias, residual };
    let shape = RawConvolution { stride, padding, dilation, groups };
    let result = binding::conv2d(tensors, &shape, activation == Activation::Relu);
    result.map_err(|message| OpsError::Torch { operation: "conv2d", message })
}

/// Lays a kernel out for [`conv2d`] without a gradient and inputs of one size.
///
/// Only [`conv2d`] with the same `shape` takes the result; it may be slow for inputs of other sizes.
///
/// # Shapes
///
/// - `weight`, output: `[outputs, inputs / groups, k, k]`
/// - `input_size`: `[N, inputs, H, W]`
///
/// # Errors
///
/// If there is no memory for the result.
pub fn pack_conv2d(
    weight: &Tensor,
    shape: Convolution,
    input_size: [i64; 4],
) -> Result<Tensor, OpsError> {
    let Convolution { stride, padding, dilation, groups } = shape;
    binding::pack_conv2d(weight, &RawConvolution { stride, padding, dilation, groups }, &input_size)
        .map_err(|message| OpsError::Torch { operation: "pack_conv2d", message })
}

#[cfg(test)]
mod tests;
