//! Attention whose offsets and logits one product has computed.

use seqformer_cuda::begin_computing;
use seqformer_cuda::kernels::{AttentionRows, attention_of_rows};
use tch::{Device, Kind, Tensor};

use super::{
    OPERATION, PredictedPoints, check, check_points, kernels_for, ms_deform_attn_at_offsets,
};
use crate::{FeatureLevels, OpsError};

/// The sampling points as one product predicts them.
#[derive(Debug, Clone, Copy)]
pub struct JoinedPoints<'a> {
    /// For each query the offsets of all heads, levels and points, (x, y) each, and then their logits, `[N, Q, 3 * M * L * P]`.
    pub rows: &'a Tensor,
    /// See [`PredictedPoints::references`].
    pub references: &'a Tensor,
}

/// [`ms_deform_attn_at_offsets`] with offsets and logits in the rows of one tensor.
///
/// On NVIDIA GPUs the kernel reads these rows, if no gradient is required; otherwise they are taken apart first.
///
/// # Shapes
///
/// - `value`: `[N, S, M, D]`
/// - `points`: see [`JoinedPoints`]
/// - `padding`: `[N or 1, S]`, boolean
/// - output: `[N, Q, M * D]`, of the kind of `value`
///
/// # Errors
///
/// If a shape, kind or device does not fit the others, or libtorch cannot allocate the output.
pub fn ms_deform_attn_at_joined(
    value: &Tensor,
    levels: &FeatureLevels,
    points: &JoinedPoints<'_>,
    padding: Option<&Tensor>,
) -> Result<Tensor, OpsError> {
    let JoinedPoints { rows, references } = *points;
    let [offsets, logits] = apart(rows, value, levels)?;
    let points = PredictedPoints { offsets: &offsets, logits: &logits, references };
    if !reads_rows(value, rows, references)
        || kernels_for([value, &offsets, &logits], levels).is_none()
    {
        return ms_deform_attn_at_offsets(value, levels, &points, padding);
    }
    check_points(value, levels, &points, padding)?;
    check(value, levels, &offsets, &logits.view(&offsets.size()[..5]))?;
    begin_computing();
    let level_sizes: Vec<[i64; 2]> =
        levels.sizes().iter().map(|size| [size.height, size.width]).collect();
    attention_of_rows(
        value,
        &AttentionRows { rows, references, padding, level_sizes: &level_sizes },
    )
}

/// Whether the kernel can take the tensors as they are.
fn reads_rows(value: &Tensor, rows: &Tensor, references: &Tensor) -> bool {
    let is_plain = |tensor: &Tensor| tensor.kind() == Kind::Float && !tensor.requires_grad();
    matches!(value.device(), Device::Cuda(_))
        && !value.requires_grad()
        && is_plain(rows)
        && is_plain(references)
}

/// Views of the offsets, `[N, Q, M, L, P, 2]`, and the logits, `[N, Q, M, L * P]`.
fn apart(rows: &Tensor, value: &Tensor, levels: &FeatureLevels) -> Result<[Tensor; 2], OpsError> {
    let (size, num_levels) = (rows.size(), levels.len() as i64);
    let heads = value.size().get(2).copied().unwrap_or(0);
    let numbers = 3 * heads * num_levels;
    let &[batch, queries, width] = size.as_slice() else {
        return Err(wrong("[N, Q, 3 * M * L * P]".to_owned(), &size));
    };
    if numbers == 0 || width % numbers != 0 {
        return Err(wrong(format!("[N, Q, a multiple of {numbers}]"), &size));
    }
    let points = width / numbers;
    let offsets = rows.narrow(-1, 0, width / 3 * 2);
    let logits = rows.narrow(-1, width / 3 * 2, width / 3);
    Ok([
        offsets.reshape([batch, queries, heads, num_levels, points, 2]),
        logits.reshape([batch, queries, heads, num_levels * points]),
    ])
}

fn wrong(expected: String, found: &[i64]) -> OpsError {
    let found = format!("{found:?}");
    OpsError::Argument { operation: OPERATION, argument: "rows", expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LevelSize;

    #[test]
    fn rows_give_what_two_tensors_give() {
        tch::manual_seed(4);
        let sizes = [(5, 7), (3, 4)].map(|(height, width)| LevelSize { height, width });
        let levels = FeatureLevels::new(&sizes).unwrap();
        let on = (Kind::Float, Device::Cpu);
        let (batch, queries, heads, points) = (2, 6, 3, 4);
        let value = Tensor::randn([batch, levels.num_tokens(), heads, 8], on);
        let offsets = Tensor::randn([batch, queries, heads, 2, points, 2], on) * 2.0;
        let logits = Tensor::randn([batch, queries, heads, 2 * points], on);
        let references = Tensor::rand([1, queries, 2, 2], on);
        let padding = Tensor::rand([1, levels.num_tokens()], on).lt(0.2);
        let rows = Tensor::cat(&[offsets.flatten(2, -1), logits.flatten(2, -1)], -1);
        let of_two =
            PredictedPoints { offsets: &offsets, logits: &logits, references: &references };
        let joined = JoinedPoints { rows: &rows, references: &references };
        for padding in [None, Some(&padding)] {
            assert_eq!(
                ms_deform_attn_at_joined(&value, &levels, &joined, padding).unwrap(),
                ms_deform_attn_at_offsets(&value, &levels, &of_two, padding).unwrap()
            );
        }
        for wrong in [rows.narrow(-1, 0, 71), rows.get(0)] {
            let joined = JoinedPoints { rows: &wrong, references: &references };
            let error = ms_deform_attn_at_joined(&value, &levels, &joined, None).unwrap_err();
            assert!(error.to_string().contains("rows"), "{error}");
        }
    }
}
