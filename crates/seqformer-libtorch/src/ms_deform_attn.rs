//! What attention's autograd function and the kernels of a device say to each other, as in `ms_deform_attn.h`.

use std::ffi::c_void;

use crate::message::Message;

/// What one call reads, as `MsDeformAttnInputs` in `ms_deform_attn.h`.
#[derive(Debug)]
#[repr(C)]
pub struct RawInputs {
    /// N, clips or frames.
    pub batch: i64,
    /// S, cells of all levels.
    pub tokens: i64,
    /// M.
    pub heads: i64,
    /// D, of each head.
    pub channels: i64,
    /// Q.
    pub queries: i64,
    /// L.
    pub levels: i64,
    /// P.
    pub points: i64,
    /// 1: values, outputs and their gradients are `bf16`; 0: `f32`.
    pub bf16: i64,
    /// `[L, 2]` as (height, width).
    pub level_sizes: *const i64,
    /// `[N, S, M, D]`, or `[N, M, S, D]` if `head_major`.
    pub value: *const c_void,
    /// `[N, Q, M, L, P, 2]`: locations, or offsets if there are references.
    pub locations: *const f32,
    /// `[N, Q, M, L, P]`: weights, or their logits if there are references.
    pub weights: *const f32,
    /// Null, or `[N or 1, Q, L, 2]`.
    pub references: *const f32,
    /// Null, or `[N or 1, S]`.
    pub padding: *const bool,
    /// Batch of the references, 0 if there are none.
    pub references_batch: i64,
    /// Batch of the padding, 0 if there is none.
    pub padding_batch: i64,
    /// 1: the values of a head lie together.
    pub head_major: i64,
    /// Number of the GPU, -1 on the CPU.
    pub device: i64,
}

/// The gradients that a kernel writes, all of the sizes of their tensors, as `MsDeformAttnGradients` in
/// `ms_deform_attn.h`.
#[derive(Debug)]
#[repr(C)]
pub struct RawGradients {
    /// On the CPU like the values. On a GPU `f32`, zero before, or null if not wanted.
    pub value: *mut c_void,
    /// Like the locations.
    pub locations: *mut f32,
    /// Like the weights.
    pub weights: *mut f32,
}

/// Writes the output of its inputs.
pub type ForwardKernel = unsafe extern "C" fn(*const RawInputs, *mut c_void) -> Message;

/// Writes the gradients from that of the output.
pub type BackwardKernel =
    unsafe extern "C" fn(*const RawInputs, *const c_void, *const RawGradients) -> Message;

/// The kernels that the autograd function calls, as `MsDeformAttnKernels` in `ms_deform_attn.h`.
#[derive(Debug)]
#[repr(C)]
pub struct Kernels {
    forward: ForwardKernel,
    backward: BackwardKernel,
}

impl Kernels {
    /// The kernels of a device.
    ///
    /// # Safety
    ///
    /// Both may be called from any thread with the tensors of any call whose shapes fit, all of them on the device.
    pub const unsafe fn new(forward: ForwardKernel, backward: BackwardKernel) -> Self {
        Self { forward, backward }
    }
}
