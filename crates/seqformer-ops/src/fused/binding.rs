//! The shim's functions for layers, and the kernels that they call.

use std::ffi::{c_int, c_void};

use seqformer_kernels::Bf16;
use seqformer_kernels::dropout::drop_elements;
use seqformer_kernels::weight_gradient::{Factors, weight_gradient};
use seqformer_libtorch::{Message, check, operand, operand_mut};
use tch::Tensor;
use torch_sys::C_tensor;

use super::after::{Activation, After};
use crate::machine::machine;

unsafe extern "C" {
    fn sf_linear(
        out: *mut *mut C_tensor,
        input: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        after: *const RawAfter,
    ) -> Message;
    fn sf_dropout(
        out: *mut *mut C_tensor,
        input: *const C_tensor,
        p: f64,
        kernel: DropoutKernel,
    ) -> Message;
    fn sf_conv2d(
        out: *mut *mut C_tensor,
        input: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        residual: *const C_tensor,
        shape: *const RawConvolution,
        relu: c_int,
    ) -> Message;
    fn sf_pack_conv2d(
        out: *mut *mut C_tensor,
        weight: *const C_tensor,
        shape: *const RawConvolution,
        input_size: *const i64,
    ) -> Message;
}

/// Sizes of a convolution, as `Convolution` in `c_api.cpp`.
#[repr(C)]
pub(crate) struct RawConvolution {
    pub(crate) stride: i64,
    pub(crate) padding: i64,
    pub(crate) dilation: i64,
    pub(crate) groups: i64,
}

type DropoutKernel = extern "C" fn(*mut c_void, i64, c_int, u64, f64);

/// The operations after a product, as `After` in `c_api.cpp`.
#[repr(C)]
struct RawAfter {
    residual: *const C_tensor,
    dropout: f64,
    relu: c_int,
    kernel: DropoutKernel,
    weight_gradient: WeightGradientKernel,
}

/// See [`crate::fused::linear`].
pub(crate) fn linear(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    after: &After<'_>,
) -> Result<Tensor, String> {
    let mut out = std::ptr::null_mut();
    let after = RawAfter {
        residual: after.residual.map_or(std::ptr::null(), Tensor::as_ptr),
        dropout: after.dropout,
        relu: c_int::from(after.activation == Activation::Relu),
        kernel: dropout_kernel,
        weight_gradient: weight_gradient_kernel,
    };
    // SAFETY: the tensors live through the call, null stands for no residual, and `out` is writable.
    let message = unsafe {
        sf_linear(&raw mut out, input.as_ptr(), weight.as_ptr(), bias.as_ptr(), &raw const after)
    };
    check(message)?;
    // SAFETY: no message means that the shim stored a new tensor, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// See [`crate::fused::dropout`].
pub(crate) fn dropout(input: &Tensor, p: f64) -> Result<Tensor, String> {
    let mut out = std::ptr::null_mut();
    // SAFETY: the tensor lives through the call, and `out` is writable.
    check(unsafe { sf_dropout(&raw mut out, input.as_ptr(), p, dropout_kernel) })?;
    // SAFETY: no message means that the shim stored a new tensor, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

extern "C" fn dropout_kernel(data: *mut c_void, count: i64, bf16: c_int, seed: u64, p: f64) {
    if bf16 != 0 {
        // SAFETY: the shim passes a dense tensor of its own with `count` elements of this kind.
        let elements = unsafe { operand_mut(data.cast::<Bf16>(), count as usize) };
        drop_elements(elements, seed, p, &machine());
    } else {
        // SAFETY: as above.
        let elements = unsafe { operand_mut(data.cast::<f32>(), count as usize) };
        drop_elements(elements, seed, p, &machine());
    }
}

/// The tensors of a convolution.
pub(crate) struct ConvolutionTensors<'a> {
    pub(crate) input: &'a Tensor,
    pub(crate) weight: &'a Tensor,
    pub(crate) bias: &'a Tensor,
    /// Owned: its memory may be reused for the result.
    pub(crate) residual: Option<Tensor>,
}

/// See [`crate::fused::conv2d`].
pub(crate) fn conv2d(
    tensors: ConvolutionTensors<'_>,
    shape: &RawConvolution,
    relu: bool,
) -> Result<Tensor, String> {
    let mut out = std::ptr::null_mut();
    let residual = tensors.residual.as_ref().map_or(std::ptr::null(), Tensor::as_ptr);
    // SAFETY: the tensors and sizes live through the call, null stands for no residual, and `out` is writable.
    let message = unsafe {
        sf_conv2d(
            &raw mut out,
            tensors.input.as_ptr(),
            tensors.weight.as_ptr(),
            tensors.bias.as_ptr(),
            residual,
            shape,
            c_int::from(relu),
        )
    };
    check(message)?;
    // SAFETY: no message means that the shim stored a new tensor, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// See [`crate::fused::pack_conv2d`].
pub(crate) fn pack_conv2d(
    weight: &Tensor,
    shape: &RawConvolution,
    input_size: &[i64; 4],
) -> Result<Tensor, String> {
    let mut out = std::ptr::null_mut();
    // SAFETY: the tensor and sizes live through the call, the latter are four, and `out` is writable.
    check(unsafe { sf_pack_conv2d(&raw mut out, weight.as_ptr(), shape, input_size.as_ptr()) })?;
    // SAFETY: no message means that the shim stored a new tensor, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// Writes the gradient of a weight, `[outputs, inputs]`, from `grad`, `[tokens, outputs]`, and `input`,
/// `[tokens, inputs]`. Returns 1 if a general product is as fast.
type WeightGradientKernel =
    extern "C" fn(grad: *const f32, input: *const f32, out: *mut f32, sizes: *const i64) -> c_int;

/// `sizes` are tokens, outputs and inputs.
extern "C" fn weight_gradient_kernel(
    grad: *const f32,
    input: *const f32,
    out: *mut f32,
    sizes: *const i64,
) -> c_int {
    // SAFETY: the shim passes three sizes.
    let &[tokens, outputs, inputs] = unsafe { &*sizes.cast::<[i64; 3]>() };
    let [tokens, outputs, inputs] = [tokens as usize, outputs as usize, inputs as usize];
    // SAFETY: the shim passes dense tensors of these sizes.
    let grad = unsafe { operand(grad, tokens * outputs) };
    // SAFETY: as above.
    let input = unsafe { operand(input, tokens * inputs) };
    let factors = Factors { grad, input, tokens, outputs, inputs };
    if !factors.are_tall() {
        return 1;
    }
    // SAFETY: the shim has just allocated the result.
    let out = unsafe { operand_mut(out, outputs * inputs) };
    c_int::from(weight_gradient(&factors, out, &machine()).is_err())
}
