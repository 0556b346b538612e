//! The sum of a layer's output and its input, normalized.

use seqformer_libtorch::OpsError;
use tch::{Kind, Tensor};

use super::{binding, check, gpu, modules, run, wrong};

/// Maximum number of channels.
const MAX_CHANNELS: i64 = 512;

const OPERATION: &str = "add_norm";

/// What [`add_norm`] works on.
#[derive(Debug, Clone, Copy)]
pub struct AddNorm<'a> {
    /// The layer's output, `[…, C]`, `f32` or `bf16`.
    pub update: &'a Tensor,
    /// Its input, `[…, C]`, `f32`.
    pub residual: &'a Tensor,
    /// Scale of each channel, `[C]`, `f32`.
    pub weight: &'a Tensor,
    /// Offset of each channel, `[C]`, `f32`.
    pub bias: &'a Tensor,
    /// Added to the variance.
    pub eps: f64,
}

/// A normalized sum.
#[derive(Debug)]
pub struct NormedSum {
    /// `[…, C]`, `f32`
    pub full: Tensor,
    /// The same in `bf16`, if it was asked for.
    pub rounded: Option<Tensor>,
}

/// Layer normalization of `update + residual` over the last axis, for up to 512 channels, in one step without a gradient;
/// with a copy in `bf16` if `with_rounded` is set.
///
/// # Errors
///
/// If a shape, kind or device does not fit, or the kernel cannot be compiled, loaded or launched.
pub fn add_norm(of: &AddNorm<'_>, with_rounded: bool) -> Result<NormedSum, OpsError> {
    let &AddNorm { update, residual, weight, bias, eps } = of;
    let device = gpu(OPERATION, "update", update)?;
    let size = update.size();
    let channels = size.last().copied().unwrap_or(0);
    let has_channels = (1..=MAX_CHANNELS).contains(&channels);
    if !has_channels || !matches!(update.kind(), Kind::Float | Kind::BFloat16) {
        let expected = format!("[…, 1 to {MAX_CHANNELS}] of f32 or bf16");
        return Err(wrong(OPERATION, "update", expected, update));
    }
    check(OPERATION, "residual", residual, &size, update.device())?;
    check(OPERATION, "weight", weight, &[channels], update.device())?;
    check(OPERATION, "bias", bias, &[channels], update.device())?;
    let tensors = [update, residual, weight, bias].map(Tensor::contiguous);
    let (full, rounded) = run(OPERATION, device, &modules::ADD_NORM, |library| {
        binding::add_norm(library, tensors.each_ref(), eps, with_rounded)
    })?;
    Ok(NormedSum { full, rounded })
}
