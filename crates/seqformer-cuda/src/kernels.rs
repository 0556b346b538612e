//! Our own kernels for NVIDIA GPUs.
//!
//! Their sources are `kernels/*.cu`. NVRTC compiles them for the GPU at hand when they are first needed, in about a
//! second; later processes find the result on disk. [`attention`] returns the kernels that an autograd function calls; the
//! other functions are steps of inference without gradients, and their callers have a slower version of each in plain
//! tensor operations.
//!
//! Launches neither allocate memory of their own nor wait, so they can be captured in a CUDA graph, once the work has run
//! before.

mod add_norm;
mod attention_of_rows;
#[expect(unsafe_code, reason = "calls of the library for GPUs")]
mod binding;
mod conv_epilogue;
mod layer_checks;
pub(crate) mod modules;
mod registry;

use seqformer_libtorch::OpsError;
use seqformer_libtorch::out_of_memory::is_out_of_memory;
use tch::{Device, Kind, Tensor};

pub use self::add_norm::{AddNorm, NormedSum, add_norm};
pub use self::attention_of_rows::{AttentionRows, attention_of_rows};
pub use self::conv_epilogue::conv_epilogue;
use self::modules::Module;
pub use self::registry::{AttentionCheck, Passes, attention};
use crate::{fallbacks, library};

/// Maximum number of levels for the kernels of attention.
pub const MAX_LEVELS: usize = 8;

/// Channels of the map of mask features that [`dynamic_masks`] takes.
const MAX_MASK_CHANNELS: i64 = 64;

/// Channels between the dynamic convolutions.
const MASK_CHANNELS: i64 = 8;

/// Pixels of the network's input per cell of mask logits, in each direction.
const MASK_STRIDE: i64 = 4;

/// Height and width in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelSize {
    /// Rows.
    pub height: i64,
    /// Columns.
    pub width: i64,
}

/// The frame that mask logits belong to.
#[derive(Debug, Clone, Copy)]
pub struct MaskFrame {
    /// The network's input, without padding.
    pub input: PixelSize,
    /// The frame of the video.
    pub output: PixelSize,
}

/// Order of the three channels of frames, as seen from the order of means and deviations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelOrder {
    /// The same.
    Same,
    /// Reversed, as RGB is to BGR.
    Reversed,
}

/// How frames are normalized.
#[derive(Debug, Clone, Copy)]
pub struct FrameNormalization {
    /// Mean of each channel, from 0 to 255.
    pub mean: [f32; 3],
    /// Standard deviation of each channel.
    pub deviation: [f32; 3],
    /// Order of the channels of frames.
    pub order: ChannelOrder,
    /// The images' size; what exceeds the frames is zero.
    pub padded: PixelSize,
    /// `Float` or `BFloat16`.
    pub kind: Kind,
}

/// Compiles and loads all kernels on GPU number `device`, and checks those of attention, instead of when they are first
/// needed.
///
/// # Errors
///
/// If there is no such GPU, or a kernel cannot be used on it; the message says why. Attention then runs as plain tensor
/// operations.
pub fn prepare(device: usize, check: AttentionCheck) -> Result<(), OpsError> {
    let operation = "preparing the CUDA kernels";
    registry::load_all(device, check).map_err(|message| OpsError::Torch { operation, message })
}

/// Mask logits of instances on frames: coordinates relative to each instance, three 1×1 convolutions with the instance's
/// own weights, and upsampling by two, in one step without a gradient.
///
/// Reference: CondInst (arXiv:2003.05664), section 3.
///
/// # Shapes
///
/// - `features`: `[T, C, h, w]`, `f32` or `bf16`, of any strides, up to 64 channels
/// - `params`: `[I, parameters]`, `f32`: all weights by output, then all biases
/// - `reference_points_px`: `[T, I, 2]`, `f32`, (x, y) in pixels
/// - `feature_stride`: pixels for one cell of the features
/// - output: `[I, T, 2h, 2w]`, `f32`
///
/// # Errors
///
/// If a shape, kind or device does not fit, or the kernel cannot be compiled, loaded or launched.
pub fn dynamic_masks(
    features: &Tensor,
    params: &Tensor,
    reference_points_px: &Tensor,
    feature_stride: i64,
) -> Result<Tensor, OpsError> {
    const OPERATION: &str = "dynamic_masks";
    let device = gpu(OPERATION, "features", features)?;
    let found = features.size();
    let fits =
        matches!(found[..], [_, c, h, w] if (1..=MAX_MASK_CHANNELS).contains(&c) && h > 0 && w > 0);
    if !fits || !matches!(features.kind(), Kind::Float | Kind::BFloat16) {
        let expected = format!("[T, 1 to {MAX_MASK_CHANNELS}, h, w] of f32 or bf16");
        return Err(wrong(OPERATION, "features", expected, features));
    }
    let num_params = (found[1] + 2) * MASK_CHANNELS + MASK_CHANNELS * (MASK_CHANNELS + 3) + 1;
    let instances = params.size().first().copied().unwrap_or(0);
    check(OPERATION, "params", params, &[instances, num_params], features.device())?;
    let expected = [found[0], instances, 2];
    check(OPERATION, "reference points", reference_points_px, &expected, features.device())?;
    let (params, references) = (params.contiguous(), reference_points_px.contiguous());
    run(OPERATION, device, &modules::DYNAMIC_MASKS, |library| {
        binding::dynamic_masks(library, [features, &params, &references], feature_stride)
    })
}

/// The pixels of a frame of the video that are inside each mask, as bits.
///
/// Logits are enlarged four times by bilinear interpolation, every pixel of the video takes the nearest value inside the
/// network's input, and values above 0 are inside the mask. The bits equal those computed on the CPU.
///
/// # Shapes
///
/// - `logits`: `[I, h, w]`, `f32`, one cell for four pixels of the padded input
/// - output: `[I, words]` of 32-bit integers: 32 pixels a word in the order of columns, as COCO's run lengths are, the
///   first in the lowest bit, no gap between columns
///
/// # Errors
///
/// If a shape, kind or device does not fit, or the kernel cannot be compiled, loaded or launched.
pub fn pack_masks(logits: &Tensor, frame: MaskFrame) -> Result<Tensor, OpsError> {
    const OPERATION: &str = "pack_masks";
    let MaskFrame { input, output } = frame;
    let device = gpu(OPERATION, "logits", logits)?;
    let found = logits.size();
    let holds = |cells: i64, pixels: i64| pixels > 0 && pixels <= MASK_STRIDE * cells;
    let fits = matches!(found[..], [_, h, w] if holds(h, input.height) && holds(w, input.width));
    let num_pixels = output.height.checked_mul(output.width).filter(|_| output.height > 0);
    let has_pixels = num_pixels.is_some_and(|pixels| (1..i64::from(i32::MAX)).contains(&pixels));
    if !fits || !has_pixels || logits.kind() != Kind::Float {
        let expected = format!("[I, h, w] of f32 with a cell for every four pixels of {frame:?}");
        return Err(wrong(OPERATION, "logits", expected, logits));
    }
    let logits = logits.contiguous();
    let sizes = [input.height, input.width, output.height, output.width];
    run(OPERATION, device, &modules::PACK_MASKS, |library| {
        binding::pack_masks(library, &logits, sizes)
    })
}

/// Normalizes frames of bytes for the network: subtracts each channel's mean, divides by its standard deviation, and pads
/// with zeros on the right and at the bottom.
///
/// # Shapes
///
/// - `frames`: `[T, H, W, 3]`, `u8`
/// - output: `[T, 3, padded H, padded W]`, in memory channels last
///
/// # Errors
///
/// If a shape, kind or device does not fit, or the kernel cannot be compiled, loaded or launched.
pub fn normalize_frames(
    frames: &Tensor,
    normalization: &FrameNormalization,
) -> Result<Tensor, OpsError> {
    const OPERATION: &str = "normalize_frames";
    let FrameNormalization { mean, deviation, order, padded, kind } = *normalization;
    let device = gpu(OPERATION, "frames", frames)?;
    let found = frames.size();
    let fits = matches!(found[..], [_, h, w, 3]
        if (1..=padded.height).contains(&h) && (1..=padded.width).contains(&w));
    let is_known = matches!(kind, Kind::Float | Kind::BFloat16);
    if !fits || !is_known || frames.kind() != Kind::Uint8 {
        let expected = format!("[T, H, W, 3] of u8, up to {padded:?}, for f32 or bf16");
        return Err(wrong(OPERATION, "frames", expected, frames));
    }
    let frames = frames.contiguous();
    let settings = binding::Normalization {
        padded: [padded.height, padded.width],
        mean,
        deviation,
        reversed: order == ChannelOrder::Reversed,
        bf16: kind == Kind::BFloat16,
    };
    run(OPERATION, device, &modules::NORMALIZE_FRAMES, |library| {
        binding::normalize_frames(library, &frames, &settings)
    })
}

/// Runs a step with one of our kernels. `None` if that is impossible, so that the caller uses plain tensor operations; a
/// warning says why, once per step.
pub fn kernel_or_none<T>(result: Result<T, OpsError>) -> Option<T> {
    let error = match result {
        Ok(found) => return Some(found),
        Err(error) => error.to_string(),
    };
    // If memory has run out, the plain operations report it to the code that can free some.
    if !is_out_of_memory(&error) {
        fallbacks::warn(format!("falling back to plain tensor operations on the GPU: {error}"));
    }
    None
}

/// Loads a module on a GPU and runs one of its kernels.
fn run<T>(
    operation: &'static str,
    device: usize,
    module: &'static Module,
    launch: impl FnOnce(&std::path::Path) -> Result<T, String>,
) -> Result<T, OpsError> {
    let result = registry::load(device, module)
        .and_then(|()| library::path())
        .and_then(|path| launch(&path));
    result.map_err(|message| OpsError::Torch { operation, message })
}

/// The number of the GPU that a tensor is on.
fn gpu(
    operation: &'static str,
    argument: &'static str,
    tensor: &Tensor,
) -> Result<usize, OpsError> {
    match tensor.device() {
        Device::Cuda(index) => Ok(index),
        device => Err(OpsError::Argument {
            operation,
            argument,
            expected: "a tensor on a GPU".to_owned(),
            found: format!("{device:?}"),
        }),
    }
}

fn check(
    operation: &'static str,
    argument: &'static str,
    tensor: &Tensor,
    expected: &[i64],
    device: Device,
) -> Result<(), OpsError> {
    if tensor.size() == expected && tensor.kind() == Kind::Float && tensor.device() == device {
        return Ok(());
    }
    Err(wrong(operation, argument, format!("{expected:?} of f32 on {device:?}"), tensor))
}

fn wrong(
    operation: &'static str,
    argument: &'static str,
    expected: String,
    tensor: &Tensor,
) -> OpsError {
    let found = format!("{:?} of {:?} on {:?}", tensor.size(), tensor.kind(), tensor.device());
    OpsError::Argument { operation, argument, expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu(size: &[i64], kind: Kind) -> Tensor {
        Tensor::zeros(size, (kind, Device::Cpu))
    }

    #[test]
    fn tensors_of_the_cpu_are_named() {
        let size = PixelSize { height: 8, width: 8 };
        let normalization = FrameNormalization {
            mean: [0.0; 3],
            deviation: [1.0; 3],
            order: ChannelOrder::Same,
            padded: size,
            kind: Kind::Float,
        };
        let results = [
            normalize_frames(&cpu(&[1, 8, 8, 3], Kind::Uint8), &normalization).map(drop),
            pack_masks(&cpu(&[1, 2, 2], Kind::Float), MaskFrame { input: size, output: size })
                .map(drop),
            dynamic_masks(
                &cpu(&[1, 8, 4, 4], Kind::Float),
                &cpu(&[1, 169], Kind::Float),
                &cpu(&[1, 1, 2], Kind::Float),
                8,
            )
            .map(drop),
        ];
        for result in results {
            let message = result.unwrap_err().to_string();
            assert!(message.contains("expected a tensor on a GPU, found Cpu"), "{message}");
        }
    }
}
