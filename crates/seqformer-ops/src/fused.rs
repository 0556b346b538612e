//! Layers fused with the operations that follow them, which saves passes over memory.
//!
//! When gradients are recorded, and on devices and kinds without fused operators, the plain operations run one after the
//! other.

mod after;
#[expect(unsafe_code, reason = "calls of the shim, and what it calls back")]
mod binding;
mod conv_on_gpu;

use seqformer_cuda::begin_computing;
use seqformer_cuda::kernels::conv_epilogue;
use tch::Tensor;

pub use self::after::{Activation, After};
use self::binding::{ConvolutionTensors, RawConvolution};
use crate::OpsError;

/// Stride, padding and dilation, equal in both directions, and groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Convolution {
    /// Stride.
    pub stride: i64,
    /// Zero padding on every side.
    pub padding: i64,
    /// Dilation.
    pub dilation: i64,
    /// Groups of channels.
    pub groups: i64,
}

/// `dropout(activation(x Wᵀ + b)) + residual`.
///
/// Even with gradients, neither the input of ReLU nor the dropout mask is kept. Under
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
/// If the shapes are inconsistent, or memory runs out.
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

/// Dropout: sets elements to zero with probability `p` and scales the others by `1 / (1 - p)`.
///
/// On the CPU the mask is derived from one number of libtorch's generator and is not stored.
///
/// # Errors
///
/// If memory runs out.
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
    /// Stride, padding, dilation and groups.
    pub shape: Convolution,
    /// Activation of the sum.
    pub activation: Activation,
}

/// `activation(conv(input) + bias + residual)`.
///
/// Takes ownership of the residual, whose memory is reused for the result unless other references to it exist.
///
/// # Shapes
///
/// - `input`: `[N, inputs, H, W]`
/// - `residual`: like the output
/// - output: `[N, outputs, H', W']`
///
/// # Errors
///
/// If the shapes are inconsistent, or memory runs out.
pub fn conv2d(
    input: &Tensor,
    layer: &ConvLayer<'_>,
    residual: Option<Tensor>,
) -> Result<Tensor, OpsError> {
    begin_computing();
    if conv_on_gpu::is_worth_it(input, layer, residual.as_ref()) {
        let done = conv_on_gpu::conv2d(input, layer, residual.as_ref(), conv_epilogue);
        return done
            .map_err(|error| OpsError::Torch { operation: "conv2d", message: error.to_string() });
    }
    let &ConvLayer { weight, bias, shape, activation } = layer;
    let Convolution { stride, padding, dilation, groups } = shape;
    let tensors = ConvolutionTensors { input, weight, bias, residual };
    let shape = RawConvolution { stride, padding, dilation, groups };
    let result = binding::conv2d(tensors, &shape, activation == Activation::Relu);
    result.map_err(|message| OpsError::Torch { operation: "conv2d", message })
}

/// Packs a kernel for [`conv2d`] without a gradient and inputs of one size.
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
/// If memory runs out.
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
