//! What follows a convolution, in one pass.

use seqformer_libtorch::OpsError;
use tch::{Kind, Tensor};

use super::{binding, gpu, modules, run, wrong};

const OPERATION: &str = "conv_epilogue";

/// Adds bias and residual to the output of a convolution in its own memory, and then applies ReLU if `relu` is set, in one
/// step without a gradient. NaN stays NaN.
///
/// # Shapes
///
/// - `map`: `[N, C, H, W]`, `f32` or `bf16`, dense, channels first or last
/// - `bias`: `[C]`, of the kind of `map`
/// - `residual`: like `map`
///
/// # Errors
///
/// If a shape, kind or device does not fit, or the kernel cannot be compiled, loaded or launched; `map` is unchanged then.
pub fn conv_epilogue(
    map: &Tensor,
    bias: &Tensor,
    residual: Option<&Tensor>,
    relu: bool,
) -> Result<(), OpsError> {
    let device = gpu(OPERATION, "map", map)?;
    let (size, kind) = (map.size(), map.kind());
    if size.len() != 4 || !matches!(kind, Kind::Float | Kind::BFloat16) {
        return Err(wrong(OPERATION, "map", "[N, C, H, W] of f32 or bf16".to_owned(), map));
    }
    let fits = |tensor: &Tensor, expected: &[i64]| {
        tensor.size() == expected && tensor.kind() == kind && tensor.device() == map.device()
    };
    if !fits(bias, &size[1..2]) {
        return Err(wrong(OPERATION, "bias", format!("[{}] of {kind:?}", size[1]), bias));
    }
    if let Some(residual) = residual.filter(|residual| !fits(residual, &size)) {
        return Err(wrong(OPERATION, "residual", format!("{size:?} of {kind:?}"), residual));
    }
    let bias = bias.contiguous();
    run(OPERATION, device, &modules::CONV_EPILOGUE, |library| {
        binding::conv_epilogue(library, map, &bias, residual, relu)
    })
}
