//! The boundary to the C++ shim, and the other unsafe lines of the product.
//!
//! Every entry point of the shim catches all exceptions; a failure comes back as a message. The
//! kernels travel the other way, as function pointers that libtorch's autograd calls.

pub(crate) mod cuda;
pub(crate) mod cuda_device;
pub(crate) mod cuda_graph;
pub(crate) mod grad_mode;
mod library;
pub(crate) mod nvrtc;
mod pages;
pub(crate) mod process_group;
mod product;
mod recompute;
mod simd;
mod units;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ops::Range;

use tch::Tensor;
use torch_sys::C_tensor;

pub(crate) use self::library::{find_symbol, open_library};
pub(crate) use self::pages::{SystemPages, use_guarded_pool, use_pool};
pub(crate) use self::product::{
    BlockShape, Factor, PanelOut, PanelProduct, PanelSums, add_block_product, block_product,
    booleans, bytes, elements, end_block_products, filled, filled_map, has_amx_bf16, has_bf16,
    new_map, own_map,
};
pub(crate) use self::recompute::recomputed;
#[cfg(target_arch = "x86_64")]
pub(crate) use self::simd::{
    Bf16Tiles, PlanesAt, PointMaps, PointsAround, add_bf16_row_pairs, add_bf16_rows, add_f32_rows,
    add_group_gradients, copy_and_round_sum_to_bf16, corners_around16, corners16, exponentials16,
    round_sums_to_bf16, round_to_bf16, softmax16, split_pairs, turn_square,
};
pub(crate) use self::simd::{HeadRows, prefetch, prefetch_lines, prefetch_rows, sum16, truncate};
pub(crate) use self::units::Units;
use crate::fused::{Activation, After};
use crate::kernels::dropout;
use crate::kernels::{
    self, Bf16, Element, Gradients, Inputs, InstructionSet, Samples, Shape, Shares,
};
use crate::optimize::{AdamW, AdamWTensors};
use crate::{FeatureLevels, LevelSize};

/// What one call reads, as `MsDeformAttnInputs` in `ms_deform_attn.h`.
#[repr(C)]
struct RawInputs {
    batch: i64,
    tokens: i64,
    heads: i64,
    channels: i64,
    queries: i64,
    levels: i64,
    points: i64,
    bf16: i64,
    level_sizes: *const i64,
    value: *const c_void,
    places: *const f32,
    weights: *const f32,
    references: *const f32,
    padding: *const bool,
    references_batch: i64,
    padding_batch: i64,
    head_major: i64,
    device: i64,
}

/// The gradients that a kernel writes, all of the sizes of their tensors, as `MsDeformAttnGradients` in
/// `ms_deform_attn.h`.
#[repr(C)]
struct RawGradients {
    value: *mut c_void,
    places: *mut f32,
    weights: *mut f32,
}

type ForwardKernel = extern "C" fn(*const RawInputs, *mut c_void) -> *mut c_char;
type BackwardKernel =
    extern "C" fn(*const RawInputs, *const c_void, *const RawGradients) -> *mut c_char;

/// The kernels that the autograd function calls, as `MsDeformAttnKernels` in `ms_deform_attn.h`.
#[repr(C)]
pub(crate) struct Kernels {
    forward: ForwardKernel,
    backward: BackwardKernel,
}

/// The kernels for the CPU.
pub(crate) static CPU_KERNELS: Kernels =
    Kernels { forward: forward_kernel, backward: backward_kernel };

unsafe extern "C" {
    fn sf_ms_deform_attn(
        out: *mut *mut C_tensor,
        value: *const C_tensor,
        places: *const C_tensor,
        weights: *const C_tensor,
        references: *const C_tensor,
        padding: *const C_tensor,
        level_sizes: *const i64,
        levels: i64,
        kernels: *const Kernels,
    ) -> *mut c_char;
    fn sf_linear(
        out: *mut *mut C_tensor,
        input: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        after: *const RawAfter,
    ) -> *mut c_char;
    fn sf_dropout(
        out: *mut *mut C_tensor,
        input: *const C_tensor,
        p: f64,
        kernel: DropoutKernel,
    ) -> *mut c_char;
    fn sf_set_autocast(cuda: c_int, enabled: c_int) -> c_int;
    fn sf_clear_autocast_cache();
    fn sf_conv2d(
        out: *mut *mut C_tensor,
        input: *const C_tensor,
        weight: *const C_tensor,
        bias: *const C_tensor,
        residual: *const C_tensor,
        shape: *const RawConvolution,
        relu: c_int,
    ) -> *mut c_char;
    fn sf_pack_conv2d(
        out: *mut *mut C_tensor,
        weight: *const C_tensor,
        shape: *const RawConvolution,
        input_size: *const i64,
    ) -> *mut c_char;
    fn sf_parallel_for(
        count: i64,
        grain: i64,
        body: extern "C" fn(*mut c_void, i64, i64),
        context: *mut c_void,
    );
    fn sf_adamw_step(options: *const AdamW, tensors: *const RawAdamWTensors) -> *mut c_char;
    fn sf_global_norm(
        out: *mut *mut C_tensor,
        tensors: *const *const C_tensor,
        count: i64,
    ) -> *mut c_char;
    fn sf_scaled(
        out: *mut *mut C_tensor,
        tensors: *const *const C_tensor,
        count: i64,
        factor: *const C_tensor,
    ) -> *mut c_char;
    fn sf_free_message(message: *mut c_char);
}

/// Takes a message of the shim, which owns its memory.
fn check(message: *mut c_char) -> Result<(), String> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim returns null or a string of its own that ends with a zero byte.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    // SAFETY: the message came from the shim and is not used again.
    unsafe { sf_free_message(message) };
    Err(text)
}

/// The tensors of one call, contiguous and of shapes that fit; see `MsDeformAttnInputs` in `ms_deform_attn.h`.
pub(crate) struct AttentionTensors<'a> {
    pub(crate) value: &'a Tensor,
    pub(crate) places: &'a Tensor,
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
            tensors.places.as_ptr(),
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

/// Sizes of a convolution, as `Convolution` in `c_api.cpp`.
#[repr(C)]
pub(crate) struct RawConvolution {
    pub(crate) stride: i64,
    pub(crate) padding: i64,
    pub(crate) dilation: i64,
    pub(crate) groups: i64,
}

type DropoutKernel = extern "C" fn(*mut c_void, i64, c_int, u64, f64);

/// What follows a product, as `After` in `c_api.cpp`.
#[repr(C)]
struct RawAfter {
    residual: *const C_tensor,
    dropout: f64,
    relu: c_int,
    kernel: DropoutKernel,
    weight_gradient: product::WeightGradientKernel,
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
        weight_gradient: product::weight_gradient_kernel,
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
        dropout::drop_elements(elements, seed, p);
    } else {
        // SAFETY: as above.
        let elements = unsafe { operand_mut(data.cast::<f32>(), count as usize) };
        dropout::drop_elements(elements, seed, p);
    }
}

/// Turns autocast of this thread on or off for a kind of device; returns what it was.
pub(crate) fn set_autocast(cuda: bool, enabled: bool) -> bool {
    // SAFETY: the call takes numbers and may be made at any time.
    unsafe { sf_set_autocast(c_int::from(cuda), c_int::from(enabled)) != 0 }
}

/// Forgets the converted weights of autocast.
pub(crate) fn clear_autocast_cache() {
    // SAFETY: the call takes no argument and may be made at any time.
    unsafe { sf_clear_autocast_cache() }
}

/// The tensors of a convolution.
pub(crate) struct ConvolutionTensors<'a> {
    pub(crate) input: &'a Tensor,
    pub(crate) weight: &'a Tensor,
    pub(crate) bias: &'a Tensor,
    /// Given away: its memory may become that of the result.
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

/// Runs `body` over parts of `0..count`, of at least `grain` each, on libtorch's threads.
pub(crate) fn parallel_for(count: usize, grain: usize, body: &(dyn Fn(Range<usize>) + Sync)) {
    extern "C" fn call(context: *mut c_void, begin: i64, end: i64) {
        // SAFETY: the context is the reference below, alive until `sf_parallel_for` returns.
        let body = unsafe { *context.cast::<&(dyn Fn(Range<usize>) + Sync)>() };
        body(begin as usize..end as usize);
    }
    let context = (&raw const body).cast_mut().cast::<c_void>();
    // SAFETY: the shim only calls `call` with this context, and returns after the last call.
    unsafe { sf_parallel_for(count as i64, grain as i64, call, context) };
}

/// Runs `body` on libtorch's threads with the pieces `0..count`: each thread has a part of them, whose neighbours lie beside each
/// other in memory, and helps the others when it is done, so that nobody waits long for one that is held up.
pub(crate) fn share_out(count: usize, body: &(dyn Fn(Units<'_>) + Sync)) {
    let left = Units::split(count, num_threads());
    parallel_for(left.len(), 1, &|threads| {
        for thread in threads {
            body(Units::of(&left, thread));
        }
    });
}

/// Runs `body` over blocks of `length` elements, each with its number, on libtorch's threads; each has a scratch by `new`.
pub(crate) fn parallel_rows<T: Send, S>(
    elements: &mut [T],
    length: usize,
    new: &(dyn Fn() -> S + Sync),
    body: &(dyn Fn(usize, &mut [T], &mut S) + Sync),
) {
    struct Start<T>(*mut T);
    // SAFETY: threads make disjoint slices of it.
    unsafe impl<T: Send> Sync for Start<T> {}
    let (start, count) = (Start(elements.as_mut_ptr()), elements.len());
    let start = &start;
    share_out(count.div_ceil(length), &|blocks| {
        let mut scratch = new();
        for number in blocks {
            let first = number * length;
            let length = length.min(count - first);
            // SAFETY: the block lies inside the slice.
            let start = unsafe { start.0.add(first) };
            // SAFETY: as above, and no other block has a part of it.
            let block = unsafe { std::slice::from_raw_parts_mut(start, length) };
            body(number, block, &mut scratch);
        }
    });
}

/// Threads that libtorch uses inside one operation.
pub(crate) fn num_threads() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1)
}

/// The elements of an operand; null stands for an empty one.
///
/// # Safety
///
/// A pointer that is not null is valid for `length` elements as long as `'a`.
unsafe fn operand<'a, T>(start: *const T, length: usize) -> &'a [T] {
    if start.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(start, length) }
}

/// As [`operand`], to write.
///
/// # Safety
///
/// As for [`operand`], and nothing else refers to the elements.
unsafe fn operand_mut<'a, T>(start: *mut T, length: usize) -> &'a mut [T] {
    if start.is_null() || length == 0 {
        return &mut [];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(start, length) }
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
unsafe fn inputs_of<'a, T>(shape: &'a Shape, raw: &'a RawInputs) -> Inputs<'a, T> {
    let samples = shape.batch * shape.queries * shape.heads * shape.samples();
    let values = shape.batch * shape.tokens * shape.heads * shape.channels;
    let references = raw.references_batch as usize * shape.queries * shape.levels.len() * 2;
    let padding = raw.padding_batch as usize * shape.tokens;
    // SAFETY: as the caller promises.
    let value = unsafe { operand(raw.value.cast::<T>(), values) };
    // SAFETY: as the caller promises.
    let places = unsafe { operand(raw.places, 2 * samples) };
    // SAFETY: as the caller promises.
    let weights = unsafe { operand(raw.weights, samples) };
    // SAFETY: as the caller promises; the batch of absent references is 0.
    let references = unsafe { operand(raw.references, references) };
    // SAFETY: as the caller promises; the batch of absent padding is 0.
    let padding = unsafe { operand(raw.padding, padding) };
    let samples = if raw.references.is_null() {
        Samples::Located { locations: places, weights }
    } else {
        Samples::Offset { offsets: places, shares: Shares::Logits(weights), references }
    };
    Inputs { shape, value, head_major: raw.head_major != 0, samples, padding }
}

extern "C" fn forward_kernel(raw: *const RawInputs, out: *mut c_void) -> *mut c_char {
    // SAFETY: the shim passes the inputs that it was called with.
    let raw = unsafe { &*raw };
    if raw.bf16 != 0 {
        forward_of::<Bf16>(raw, out);
    } else {
        forward_of::<f32>(raw, out);
    }
    std::ptr::null_mut()
}

fn forward_of<T: Element>(raw: &RawInputs, out: *mut c_void) {
    // SAFETY: the shim passes two sizes for each level.
    let shape = unsafe { shape_of(raw) };
    // SAFETY: the shim passes contiguous tensors of this shape and kind.
    let inputs = unsafe { inputs_of::<T>(&shape, raw) };
    let length = shape.batch * shape.queries * shape.heads * shape.channels;
    // SAFETY: the shim has just allocated the output.
    let out = unsafe { operand_mut(out.cast::<T>(), length) };
    kernels::forward(&inputs, out, InstructionSet::detect());
}

extern "C" fn backward_kernel(
    raw: *const RawInputs,
    grad_out: *const c_void,
    gradients: *const RawGradients,
) -> *mut c_char {
    // SAFETY: the shim passes the inputs that it was called with.
    let raw = unsafe { &*raw };
    // SAFETY: the shim passes the gradients that it has allocated.
    let gradients = unsafe { &*gradients };
    if raw.bf16 != 0 {
        backward_of::<Bf16>(raw, grad_out, gradients);
    } else {
        backward_of::<f32>(raw, grad_out, gradients);
    }
    std::ptr::null_mut()
}

fn backward_of<T: Element>(raw: &RawInputs, grad_out: *const c_void, out: &RawGradients) {
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
    let places = unsafe { operand_mut(out.places, 2 * samples) };
    // SAFETY: as above.
    let weights = unsafe { operand_mut(out.weights, samples) };
    let gradients = Gradients { value, places, weights };
    kernels::backward(&inputs, grad_out, gradients, InstructionSet::detect());
}

/// Lists of `count` tensors, as `AdamWTensors` in `c_api.cpp`.
#[repr(C)]
struct RawAdamWTensors {
    parameters: *const *const C_tensor,
    gradients: *const *const C_tensor,
    exp_avgs: *const *const C_tensor,
    exp_avg_sqs: *const *const C_tensor,
    steps: *const *const C_tensor,
    count: i64,
}

fn addresses(tensors: &[&Tensor]) -> Vec<*const C_tensor> {
    tensors.iter().map(|tensor| tensor.as_ptr()).collect()
}

/// See [`crate::optimize::adamw_step`]. The lists are of the same length, their tensors of the same shapes.
pub(crate) fn adamw_step(options: &AdamW, tensors: &AdamWTensors<'_>) -> Result<(), String> {
    let parameters = addresses(tensors.parameters);
    let gradients = addresses(tensors.gradients);
    let exp_avgs = addresses(tensors.exp_avgs);
    let exp_avg_sqs = addresses(tensors.exp_avg_sqs);
    let steps = addresses(tensors.steps);
    let raw = RawAdamWTensors {
        parameters: parameters.as_ptr(),
        gradients: gradients.as_ptr(),
        exp_avgs: exp_avgs.as_ptr(),
        exp_avg_sqs: exp_avg_sqs.as_ptr(),
        steps: steps.as_ptr(),
        count: parameters.len() as i64,
    };
    // SAFETY: the lists and their tensors live through the call and are of the length that is passed.
    check(unsafe { sf_adamw_step(options, &raw const raw) })
}

/// See [`crate::optimize::global_norm`].
pub(crate) fn global_norm(tensors: &[&Tensor]) -> Result<Tensor, String> {
    let list = addresses(tensors);
    let mut out = std::ptr::null_mut();
    // SAFETY: the list and its tensors live through the call, and `out` is writable.
    check(unsafe { sf_global_norm(&raw mut out, list.as_ptr(), list.len() as i64) })?;
    // SAFETY: no message means that the shim stored a new tensor, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// See [`crate::optimize::scaled`].
pub(crate) fn scaled(tensors: &[&Tensor], factor: &Tensor) -> Result<Vec<Tensor>, String> {
    let list = addresses(tensors);
    let mut out = vec![std::ptr::null_mut(); list.len()];
    // SAFETY: the list and its tensors live through the call, and `out` has room for one tensor each.
    check(unsafe {
        sf_scaled(out.as_mut_ptr(), list.as_ptr(), list.len() as i64, factor.as_ptr())
    })?;
    // SAFETY: no message means that the shim stored new tensors, and nobody else owns them.
    Ok(out.into_iter().map(|tensor| unsafe { Tensor::from_ptr(tensor) }).collect())
}
