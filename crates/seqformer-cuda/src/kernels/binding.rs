//! The functions of `libseqformer_cuda` for kernels, found at run time; see `cpp/kernels.cpp`.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use seqformer_libtorch::ms_deform_attn::Kernels;
use seqformer_libtorch::{Message, check, find_symbol};
use tch::Tensor;
use torch_sys::C_tensor;

type GetProperties = unsafe extern "C" fn(*mut c_int, *mut c_int, c_int) -> Message;
type Load = unsafe extern "C" fn(c_int, *const c_void, *const *const c_char, i64) -> Message;
type GetKernels = unsafe extern "C" fn() -> *const Kernels;
type AttentionOfRows = unsafe extern "C" fn(
    *mut *mut C_tensor,
    *const C_tensor,
    *const C_tensor,
    *const C_tensor,
    *const C_tensor,
    *const i64,
    i64,
) -> Message;
type DynamicMasks = unsafe extern "C" fn(
    *mut *mut C_tensor,
    *const C_tensor,
    *const C_tensor,
    *const C_tensor,
    i64,
) -> Message;
type PackMasks = unsafe extern "C" fn(*mut *mut C_tensor, *const C_tensor, *const i64) -> Message;
type NormalizeFrames = unsafe extern "C" fn(
    *mut *mut C_tensor,
    *const C_tensor,
    *const i64,
    *const f32,
    *const f32,
    c_int,
    c_int,
) -> Message;

type ConvEpilogue =
    unsafe extern "C" fn(*const C_tensor, *const C_tensor, *const C_tensor, c_int) -> Message;
type AddNorm = unsafe extern "C" fn(
    *mut *mut C_tensor,
    *mut *mut C_tensor,
    *const C_tensor,
    *const C_tensor,
    *const C_tensor,
    *const C_tensor,
    f64,
) -> Message;

/// The properties of a GPU that kernels depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Properties {
    /// As 90 for compute capability 9.0.
    pub(crate) architecture: u32,
    /// The current stream is being captured in a graph.
    pub(crate) is_capturing: bool,
}

pub(crate) fn properties(library: &Path, device: usize) -> Result<Properties, String> {
    let symbol = find_symbol(library, c"sf_cuda_device")?;
    // SAFETY: the library is ours, built with this crate, and its function has this type.
    let get = unsafe { std::mem::transmute::<*mut c_void, GetProperties>(symbol) };
    let (mut architecture, mut is_capturing) = (0, 0);
    // SAFETY: both numbers are writable.
    check(unsafe { get(&raw mut architecture, &raw mut is_capturing, device as c_int) })?;
    Ok(Properties { architecture: architecture.cast_unsigned(), is_capturing: is_capturing != 0 })
}

/// Loads a binary with kernels of these names on a device.
pub(crate) fn load(
    library: &Path,
    device: usize,
    binary: &[u8],
    kernels: &[&str],
) -> Result<(), String> {
    let symbol = find_symbol(library, c"sf_cuda_load")?;
    // SAFETY: the library is ours, built with this crate, and its function has this type.
    let load = unsafe { std::mem::transmute::<*mut c_void, Load>(symbol) };
    let names: Result<Vec<CString>, _> = kernels.iter().map(|&name| CString::new(name)).collect();
    let names = names.map_err(|error| error.to_string())?;
    let names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    // SAFETY: the binary is a whole one of NVRTC, which says itself how long it is, and with the names, as many as is
    // said, it lives through the call.
    check(unsafe {
        load(device as c_int, binary.as_ptr().cast(), names.as_ptr(), names.len() as i64)
    })
}

/// The kernels of attention for tensors of GPUs on which they are loaded.
pub(crate) fn attention_kernels(library: &Path) -> Result<&'static Kernels, String> {
    let symbol = find_symbol(library, c"sf_cuda_ms_deform_attn")?;
    // SAFETY: the library is ours, built with this crate, and its function has this type.
    let get = unsafe { std::mem::transmute::<*mut c_void, GetKernels>(symbol) };
    // SAFETY: the function takes no argument and may be called at any time.
    let kernels = unsafe { get() };
    // SAFETY: they are a static of the library, which is never closed, and of the same layout.
    Ok(unsafe { &*kernels })
}

/// Runs a function of the library that makes a tensor. `F` is its type.
fn tensor_of<F: Copy>(
    library: &Path,
    name: &CStr,
    call: impl FnOnce(F, *mut *mut C_tensor) -> Message,
) -> Result<Tensor, String> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>(), "F is a function") };
    let symbol = find_symbol(library, name)?;
    // SAFETY: the library is ours, built with this crate, and the callers below name the type of its function.
    let function = unsafe { std::mem::transmute_copy::<*mut c_void, F>(&symbol) };
    let mut out = std::ptr::null_mut();
    check(call(function, &raw mut out))?;
    // SAFETY: no message means that the library stored a new tensor, and nobody else owns it.
    Ok(unsafe { Tensor::from_ptr(out) })
}

/// See [`crate::kernels::attention_of_rows`]. Shapes, kinds and devices are checked, and all tensors are contiguous.
pub(crate) fn attention_of_rows(
    library: &Path,
    [value, rows, references]: [&Tensor; 3],
    padding: Option<&Tensor>,
    level_sizes: &[[i64; 2]],
) -> Result<Tensor, String> {
    let padding = padding.map_or(std::ptr::null(), Tensor::as_ptr);
    tensor_of::<AttentionOfRows>(library, c"sf_cuda_attention_of_rows", |function, out| {
        // SAFETY: the tensors and the sizes, two of each level, live through the call, null stands for no padding, and
        // `out` is writable.
        unsafe {
            function(
                out,
                value.as_ptr(),
                rows.as_ptr(),
                references.as_ptr(),
                padding,
                level_sizes.as_ptr().cast(),
                level_sizes.len() as i64,
            )
        }
    })
}

/// See [`crate::kernels::dynamic_masks`]. Shapes, kinds and devices are checked.
pub(crate) fn dynamic_masks(
    library: &Path,
    [features, params, references]: [&Tensor; 3],
    stride: i64,
) -> Result<Tensor, String> {
    tensor_of::<DynamicMasks>(library, c"sf_cuda_dynamic_masks", |function, out| {
        // SAFETY: the tensors live through the call, and `out` is writable.
        unsafe { function(out, features.as_ptr(), params.as_ptr(), references.as_ptr(), stride) }
    })
}

/// See [`crate::kernels::pack_masks`]. `sizes` are height and width of the input and of the output.
pub(crate) fn pack_masks(
    library: &Path,
    logits: &Tensor,
    sizes: [i64; 4],
) -> Result<Tensor, String> {
    tensor_of::<PackMasks>(library, c"sf_cuda_pack_masks", |function, out| {
        // SAFETY: the tensor and the sizes live through the call, and `out` is writable.
        unsafe { function(out, logits.as_ptr(), sizes.as_ptr()) }
    })
}

/// The settings of [`normalize_frames`].
#[derive(Debug)]
pub(crate) struct Normalization {
    /// Height and width.
    pub(crate) padded: [i64; 2],
    pub(crate) mean: [f32; 3],
    pub(crate) deviation: [f32; 3],
    pub(crate) reversed: bool,
    pub(crate) bf16: bool,
}

/// See [`crate::kernels::normalize_frames`].
pub(crate) fn normalize_frames(
    library: &Path,
    frames: &Tensor,
    settings: &Normalization,
) -> Result<Tensor, String> {
    let Normalization { padded, mean, deviation, reversed, bf16 } = settings;
    let (reversed, bf16) = (c_int::from(*reversed), c_int::from(*bf16));
    tensor_of::<NormalizeFrames>(library, c"sf_cuda_normalize_frames", |function, out| {
        // SAFETY: the tensor lives through the call, as do the numbers, as many as the function reads, and `out` is
        // writable.
        unsafe {
            function(
                out,
                frames.as_ptr(),
                padded.as_ptr(),
                mean.as_ptr(),
                deviation.as_ptr(),
                reversed,
                bf16,
            )
        }
    })
}

/// See [`crate::kernels::conv_epilogue`]. Shapes, kinds and devices are checked.
pub(crate) fn conv_epilogue(
    library: &Path,
    map: &Tensor,
    bias: &Tensor,
    residual: Option<&Tensor>,
    relu: bool,
) -> Result<(), String> {
    let symbol = find_symbol(library, c"sf_cuda_conv_epilogue")?;
    // SAFETY: the library is ours, built with this crate, and its function has this type.
    let function = unsafe { std::mem::transmute::<*mut c_void, ConvEpilogue>(symbol) };
    let residual = residual.map_or(std::ptr::null(), Tensor::as_ptr);
    // SAFETY: the tensors live through the call, and null stands for no residual.
    check(unsafe { function(map.as_ptr(), bias.as_ptr(), residual, c_int::from(relu)) })
}

/// See [`crate::kernels::add_norm`]. Shapes, kinds and devices are checked, and all tensors are contiguous: the update, the
/// residual, weight and bias.
pub(crate) fn add_norm(
    library: &Path,
    [update, residual, weight, bias]: [&Tensor; 4],
    eps: f64,
    with_rounded: bool,
) -> Result<(Tensor, Option<Tensor>), String> {
    let mut rounded = std::ptr::null_mut();
    let to_rounded = if with_rounded { &raw mut rounded } else { std::ptr::null_mut() };
    let sum = tensor_of::<AddNorm>(library, c"sf_cuda_add_norm", |function, out| {
        // SAFETY: the tensors live through the call, `out` is writable, and so is `to_rounded`, or null.
        unsafe {
            function(
                out,
                to_rounded,
                update.as_ptr(),
                residual.as_ptr(),
                weight.as_ptr(),
                bias.as_ptr(),
                eps,
            )
        }
    })?;
    // SAFETY: no message means that the library stored a new tensor if it was asked to, and nobody else owns it.
    let rounded = with_rounded.then(|| unsafe { Tensor::from_ptr(rounded) });
    Ok((sum, rounded))
}
