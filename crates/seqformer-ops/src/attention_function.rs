//! The autograd function of deformable attention, and the CPU kernels that it calls.
//!
//! The shim receives the kernels as function pointers, which libtorch's autograd calls.

use std::ffi::c_void;

use seqformer_kernels::ms_deform_attn::{Gradients, MsDeformAttnInputs, backward, forward};
use seqformer_kernels::{AttentionWeights, Bf16, LevelSize, RowSums, Samples, Shape};
use seqformer_libtorch::ms_deform_attn::{Kernels, RawGradients, RawInputs};
use seqformer_libtorch::{Message, check, operand, operand_mut};
use tch::Tensor;
use torch_sys::C_tensor;

use crate::FeatureLevels;
use crate::machine::machine;

/// The kernels for the CPU.
// SAFETY: both share their work out by threads of libtorch, and only write the results that they are given.
pub(crate) static CPU_KERNELS: Kernels = unsafe { Kernels::new(forward_kernel, backward_kernel) };

unsafe extern "C" {
    fn sf_ms_deform_attn(
        out: *mut *mut C_tensor,
        value: *const C_tensor,
        locations: *const C_tensor,
        weights: *const C_tensor,
        references: *const C_tensor,
        padding: *const C_tensor,
        level_sizes: *const i64,
        levels: i64,
        kernels: *const Kernels,
    ) -> Message;
}

/// The tensors of one call, contiguous and of shapes that fit; see `MsDeformAttnInputs` in `ms_deform_attn.h`.
pub(crate) struct AttentionTensors<'a> {
    pub(crate) value: &'a Tensor,
    pub(crate) locations: &'a Tensor,
    pub(crate) weights: &'a Tensor,
    pub(crate) references: Option<&'a Tensor>,
    pub(crate) padding: Option<&'a Tensor>,
}

/// Runs the autograd function. Shapes, kinds and devices are checked and tensors contiguous.
pub(crate) fn ms_deform_attn(
    tensors: &AttentionTensors<'_>,
    levels: &FeatureLevels,
    kernels: &'static Kernels,
) -> Result<Tensor, String> {
    let sizes: Vec<i64> =
        levels.sizes().iter().flat_map(|size| [size.height, size.width]).collect();
    let or_null = |tensor: Option<&Tensor>| tensor.map_or(std::ptr::null(), Tensor::as_ptr);
    let mut out = std::ptr::null_mut();
    // SAFETY: the tensors and sizes live through the call, null stands for those that are not there, `out` is
    // writable, and the kernels are static and those of the tensors' device.
    let message = unsafe {
        sf_ms_deform_attn(
            &raw mut out,
            tensors.value.as_ptr(),
            tensors.locations.as_ptr(),
            tensors.weights.as_ptr(),
            or_null(tensors.references),
            or_null(tensors.padding),
            sizes.as_ptr(),
            levels.len() as i64,
            kernels,
        )
    };
    check(message)?;
    // SAFETY: no message means that the shim stored a new tensor, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// # Safety
///
/// `raw` points to the inputs of a call, alive as long as `'a`, whose `level_sizes` are two for each level.
unsafe fn shape_of(raw: &RawInputs) -> Shape {
    // SAFETY: as the caller promises.
    let sizes = unsafe { operand(raw.level_sizes, 2 * raw.levels as usize) };
    let levels =
        sizes.as_chunks::<2>().0.iter().map(|&[height, width]| LevelSize { height, width });
    Shape {
        batch: raw.batch as usize,
        tokens: raw.tokens as usize,
        heads: raw.heads as usize,
        channels: raw.channels as usize,
        queries: raw.queries as usize,
        points: raw.points as usize,
        levels: levels.collect(),
    }
}

/// # Safety
///
/// The buffers of `raw` hold as many elements as its sizes say, values of type `T`.
unsafe fn inputs_of<'a, T>(shape: &'a Shape, raw: &'a RawInputs) -> MsDeformAttnInputs<'a, T> {
    let samples = shape.batch * shape.queries * shape.heads * shape.samples();
    let values = shape.batch * shape.tokens * shape.heads * shape.channels;
    let references = raw.references_batch as usize * shape.queries * shape.levels.len() * 2;
    let padding = raw.padding_batch as usize * shape.tokens;
    // SAFETY: as the caller promises.
    let value = unsafe { operand(raw.value.cast::<T>(), values) };
    // SAFETY: as the caller promises.
    let locations = unsafe { operand(raw.locations, 2 * samples) };
    // SAFETY: as the caller promises.
    let weights = unsafe { operand(raw.weights, samples) };
    // SAFETY: as the caller promises; the batch of absent references is 0.
    let references = unsafe { operand(raw.references, references) };
    // SAFETY: as the caller promises; the batch of absent padding is 0.
    let padding = unsafe { operand(raw.padding, padding) };
    let samples = if raw.references.is_null() {
        Samples::Located { locations, weights }
    } else {
        Samples::Offset {
            offsets: locations,
            weights: AttentionWeights::Logits(weights),
            references,
        }
    };
    MsDeformAttnInputs { shape, value, head_major: raw.head_major != 0, samples, padding }
}

/// # Safety
///
/// The tensors of `raw` are alive and of its sizes, and `out` has room for the output.
unsafe extern "C" fn forward_kernel(raw: *const RawInputs, out: *mut c_void) -> Message {
    // SAFETY: the shim passes the inputs that it was called with.
    let raw = unsafe { &*raw };
    if raw.bf16 != 0 {
        forward_of::<Bf16>(raw, out);
    } else {
        forward_of::<f32>(raw, out);
    }
    Message::success()
}

fn forward_of<T: RowSums>(raw: &RawInputs, out: *mut c_void) {
    // SAFETY: the shim passes two sizes for each level.
    let shape = unsafe { shape_of(raw) };
    // SAFETY: the shim passes contiguous tensors of this shape and kind.
    let inputs = unsafe { inputs_of::<T>(&shape, raw) };
    let length = shape.batch * shape.queries * shape.heads * shape.channels;
    // SAFETY: the shim has just allocated the output.
    let out = unsafe { operand_mut(out.cast::<T>(), length) };
    forward(&inputs, out, &machine());
}

/// # Safety
///
/// The tensors of `raw` are alive and of its sizes, as are the gradients.
unsafe extern "C" fn backward_kernel(
    raw: *const RawInputs,
    grad_out: *const c_void,
    gradients: *const RawGradients,
) -> Message {
    // SAFETY: the shim passes the inputs that it was called with.
    let raw = unsafe { &*raw };
    // SAFETY: the shim passes the gradients that it has allocated.
    let gradients = unsafe { &*gradients };
    if raw.bf16 != 0 {
        backward_of::<Bf16>(raw, grad_out, gradients);
    } else {
        backward_of::<f32>(raw, grad_out, gradients);
    }
    Message::success()
}

fn backward_of<T: RowSums>(raw: &RawInputs, grad_out: *const c_void, out: &RawGradients) {
    // SAFETY: the shim passes two sizes for each level.
    let shape = unsafe { shape_of(raw) };
    // SAFETY: the shim passes contiguous tensors of this shape and kind.
    let inputs = unsafe { inputs_of::<T>(&shape, raw) };
    let samples = shape.batch * shape.queries * shape.heads * shape.samples();
    let length = shape.batch * shape.queries * shape.heads * shape.channels;
    // SAFETY: the gradient of the output has the output's shape and the kind of the values.
    let grad_out = unsafe { operand(grad_out.cast::<T>(), length) };
    // SAFETY: the shim has just allocated the gradients, each like its tensor.
    let value = unsafe { operand_mut(out.value.cast::<T>(), inputs.value.len()) };
    // SAFETY: as above.
    let locations = unsafe { operand_mut(out.locations, 2 * samples) };
    // SAFETY: as above.
    let weights = unsafe { operand_mut(out.weights, samples) };
    let gradients = Gradients { value, locations, weights };
    backward(&inputs, grad_out, gradients, &machine());
}
