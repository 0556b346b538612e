//! Deformable attention whose offsets and logits one product has computed.

use seqformer_libtorch::OpsError;
use tch::{Kind, Tensor};

use super::{MAX_LEVELS, binding, gpu, modules, run, wrong};

const OPERATION: &str = "attention_of_rows";

/// What attention reads besides the values.
#[derive(Debug, Clone, Copy)]
pub struct AttentionRows<'a> {
    /// For each query the offsets of all heads, levels and points in cells, (x, y) each, and then their logits, `[N, Q, 3 * M *
    /// L * P]`, `f32`.
    pub rows: &'a Tensor,
    /// (x, y) in units of each whole map, `[N or 1, Q, L, 2]`, `f32`.
    pub references: &'a Tensor,
    /// `[N or 1, S]`, true = the token counts as zero.
    pub padding: Option<&'a Tensor>,
    /// Height and width of each level.
    pub level_sizes: &'a [[i64; 2]],
}

/// Deformable attention without a gradient, by the kernel of [`attention`](super::attention), which must have passed its
/// check on the GPU.
///
/// # Shapes
///
/// - `value`: `[N, S, M, D]`, `f32` or `bf16`
/// - output: `[N, Q, M * D]`, of the kind of `value`
///
/// # Errors
///
/// If a shape, kind or device does not fit, or the kernel cannot be launched.
pub fn attention_of_rows(value: &Tensor, of: &AttentionRows<'_>) -> Result<Tensor, OpsError> {
    let &AttentionRows { rows, references, padding, level_sizes } = of;
    let device = gpu(OPERATION, "value", value)?;
    let tokens: i64 = level_sizes.iter().map(|[height, width]| height * width).sum();
    let found = value.size();
    let fits = matches!(found[..], [_, s, m, _] if s == tokens && m > 0)
        && (1..=MAX_LEVELS).contains(&level_sizes.len());
    if !fits || !matches!(value.kind(), Kind::Float | Kind::BFloat16) {
        let expected = format!("[N, {tokens}, M, D] of f32 or bf16");
        return Err(wrong(OPERATION, "value", expected, value));
    }
    let (batch, numbers) = (found[0], 3 * found[2] * level_sizes.len() as i64);
    let size = rows.size();
    let fits = matches!(size[..], [n, _, c] if n == batch && c > 0 && c % numbers == 0);
    if !fits || rows.kind() != Kind::Float || rows.device() != value.device() {
        let expected = format!("[{batch}, Q, a multiple of {numbers}] of f32");
        return Err(wrong(OPERATION, "rows", expected, rows));
    }
    let is_batch = |size: &[i64]| size.first().is_some_and(|&n| n == 1 || n == batch);
    let found = references.size();
    let fits = is_batch(&found) && found[1..] == [size[1], level_sizes.len() as i64, 2];
    if !fits || references.kind() != Kind::Float || references.device() != value.device() {
        let expected = format!("[{batch} or 1, {}, {}, 2] of f32", size[1], level_sizes.len());
        return Err(wrong(OPERATION, "references", expected, references));
    }
    if let Some(padding) = padding {
        let found = padding.size();
        let fits = is_batch(&found) && found[1..] == [tokens];
        if !fits || padding.kind() != Kind::Bool || padding.device() != value.device() {
            let expected = format!("[{batch} or 1, {tokens}] of booleans");
            return Err(wrong(OPERATION, "padding", expected, padding));
        }
    }
    let [value, rows, references] = [value, rows, references].map(Tensor::contiguous);
    let padding = padding.map(Tensor::contiguous);
    run(OPERATION, device, &modules::ATTENTION_FORWARD, |library| {
        let tensors = [&value, &rows, &references];
        binding::attention_of_rows(library, tensors, padding.as_ref(), level_sizes)
    })
}
