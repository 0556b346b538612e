//! The differentiable operation: checks its inputs and calls the device's kernel.

mod joined;

use seqformer_cuda::begin_computing;
use seqformer_cuda::kernels::{MAX_LEVELS, Passes};
use seqformer_libtorch::ms_deform_attn::Kernels;
use tch::{Device, Kind, Tensor};

use crate::attention_function::{self, AttentionTensors};
use crate::{FeatureLevels, OpsError, cuda_attention, reference};

pub use joined::{JoinedPoints, ms_deform_attn_at_joined};

const OPERATION: &str = "ms_deform_attn";

/// The weighted sum of bilinearly interpolated points of several feature maps, for every query and head.
///
/// A location `(x, y)` of a level with `W` columns and `H` rows is the point `x * W - 0.5`,
/// `y * H - 0.5` between its cells; cells outside the map count as zero. Differentiable in all three
/// tensors. Runs in our kernels for `f32` and `bf16` values (summed in `f32`) on the CPU and on NVIDIA GPUs
/// (see [`crate::cuda_attention`]), and as plain tensor operations for other kinds and devices.
///
/// # Shapes
///
/// - `value`: `[N, S, M, D]`, all levels concatenated
/// - `locations`: `[N, Q, M, L, P, 2]`, (x, y) in units of the whole map
/// - `weights`: `[N, Q, M, L, P]`
/// - output: `[N, Q, M * D]`, of the kind of `value`
///
/// A `value` that is the transpose of a contiguous `[N, M, S, D]` is not copied if no gradient is required; this is faster
/// when few queries read many tokens.
///
/// # Errors
///
/// If a shape, kind or device does not fit the others, or libtorch cannot allocate the output.
pub fn ms_deform_attn(
    value: &Tensor,
    levels: &FeatureLevels,
    locations: &Tensor,
    weights: &Tensor,
) -> Result<Tensor, OpsError> {
    check(value, levels, locations, weights)?;
    let Some(kernels) = kernels_for([value, locations, weights], levels) else {
        return Ok(reference::ms_deform_attn(value, levels, locations, weights));
    };
    let locations = locations.to_kind(Kind::Float).contiguous();
    let weights = weights.to_kind(Kind::Float).contiguous();
    let tensors = AttentionTensors {
        value: &readable(value),
        locations: &locations,
        weights: &weights,
        references: None,
        padding: None,
    };
    run(&tensors, levels, kernels)
}

/// The values as the kernels read them: contiguous by token or, if no gradient is required, by head.
fn readable(value: &Tensor) -> Tensor {
    let is_by_head = !value.requires_grad() && value.transpose(1, 2).is_contiguous();
    if is_by_head { value.shallow_clone() } else { value.contiguous() }
}

/// The kernels for these values, locations or offsets, and weights or logits; `None` means plain tensor operations.
fn kernels_for(inputs: [&Tensor; 3], levels: &FeatureLevels) -> Option<&'static Kernels> {
    let [value, locations, _] = inputs;
    if !matches!(value.kind(), Kind::Float | Kind::BFloat16) {
        return None;
    }
    match value.device() {
        Device::Cpu => Some(&attention_function::CPU_KERNELS),
        Device::Cuda(index) if locations.size()[4] > 0 && levels.len() <= MAX_LEVELS => {
            let has_gradients = inputs.iter().any(|input| input.requires_grad());
            let passes = if has_gradients { Passes::ForwardAndBackward } else { Passes::Forward };
            cuda_attention::kernels_of(index, passes)
        }
        _ => None,
    }
}

fn run(
    tensors: &AttentionTensors<'_>,
    levels: &FeatureLevels,
    kernels: &'static Kernels,
) -> Result<Tensor, OpsError> {
    begin_computing();
    attention_function::ms_deform_attn(tensors, levels, kernels)
        .map_err(|message| OpsError::Torch { operation: OPERATION, message })
}

/// The sampling points as a network predicts them.
#[derive(Debug, Clone, Copy)]
pub struct PredictedPoints<'a> {
    /// Offsets from the references in cells of each level, (x, y), `[N, Q, M, L, P, 2]`.
    pub offsets: &'a Tensor,
    /// The weights' logits, `[N, Q, M, L * P]`.
    pub logits: &'a Tensor,
    /// (x, y) in units of each whole map, `[N or 1, Q, L, 2]`. Not differentiable.
    pub references: &'a Tensor,
}

/// [`ms_deform_attn`] at `references + offsets / (W, H)` with the softmax of the logits as weights.
///
/// Locations and weights are never stored, not even for the backward pass. Tokens where `padding` is true count as zero.
///
/// # Shapes
///
/// - `value`: `[N, S, M, D]`
/// - `points`: see [`PredictedPoints`]
/// - `padding`: `[N or 1, S]`, boolean
/// - output: `[N, Q, M * D]`, of the kind of `value`
///
/// # Errors
///
/// If a shape, kind or device does not fit the others, or libtorch cannot allocate the output.
pub fn ms_deform_attn_at_offsets(
    value: &Tensor,
    levels: &FeatureLevels,
    points: &PredictedPoints<'_>,
    padding: Option<&Tensor>,
) -> Result<Tensor, OpsError> {
    let sizes = points.offsets.size();
    check_points(value, levels, points, padding)?;
    let kernels = kernels_for([value, points.offsets, points.logits], levels);
    let Some(kernels) = kernels.filter(|_| !points.references.requires_grad()) else {
        let value = match padding {
            Some(padding) => value.masked_fill(&padding.unsqueeze(-1).unsqueeze(-1), 0.0),
            None => value.shallow_clone(),
        };
        let locations = reference::locations(points.references, points.offsets, levels);
        let kind = if points.logits.kind() == Kind::Double { Kind::Double } else { Kind::Float };
        let weights = points.logits.softmax(-1, kind).view(&sizes[..5]);
        return ms_deform_attn(&value, levels, &locations, &weights);
    };
    let offsets = points.offsets.to_kind(Kind::Float).contiguous();
    let logits = points.logits.to_kind(Kind::Float).contiguous();
    let references = points.references.to_kind(Kind::Float).contiguous();
    check(value, levels, &offsets, &logits.view(&sizes[..5]))?;
    let padding = padding.map(Tensor::contiguous);
    let tensors = AttentionTensors {
        value: &readable(value),
        locations: &offsets,
        weights: &logits,
        references: Some(&references),
        padding: padding.as_ref(),
    };
    run(&tensors, levels, kernels)
}

/// Checks the inputs that [`check`] does not see.
fn check_points(
    value: &Tensor,
    levels: &FeatureLevels,
    points: &PredictedPoints<'_>,
    padding: Option<&Tensor>,
) -> Result<(), OpsError> {
    let wrong = |argument, expected: String, found: &[i64]| {
        let found = format!("{found:?}");
        Err(OpsError::Argument { operation: OPERATION, argument, expected, found })
    };
    let (offsets, logits) = (points.offsets.size(), points.logits.size());
    let &[batch, queries, heads, num_levels, num_points, 2] = offsets.as_slice() else {
        return wrong("offsets", "[N, Q, M, L, P, 2]".to_owned(), &offsets);
    };
    let expected = [batch, queries, heads, num_levels * num_points];
    if logits != expected {
        return wrong("logits", format!("{expected:?}"), &logits);
    }
    let references = points.references.size();
    let expected = [queries, levels.len() as i64, 2];
    if references.get(1..) != Some(&expected) || (references[0] != 1 && references[0] != batch) {
        return wrong(
            "references",
            format!("[{batch} or 1, {queries}, {}, 2]", levels.len()),
            &references,
        );
    }
    for (argument, tensor) in [("references", Some(points.references)), ("padding", padding)] {
        let found = tensor.map_or(value.device(), Tensor::device);
        if found != value.device() {
            let expected = format!("a tensor on {:?}", value.device());
            let found = format!("{found:?}");
            return Err(OpsError::Argument { operation: OPERATION, argument, expected, found });
        }
    }
    if let Some(padding) = padding {
        let (found, tokens) = (padding.size(), value.size().get(1).copied().unwrap_or(0));
        if padding.kind() != Kind::Bool || (found != [1, tokens] && found != [batch, tokens]) {
            return wrong("padding", format!("[{batch} or 1, {tokens}] of booleans"), &found);
        }
    }
    Ok(())
}

fn check(
    value: &Tensor,
    levels: &FeatureLevels,
    locations: &Tensor,
    weights: &Tensor,
) -> Result<(), OpsError> {
    let wrong = |argument, expected: String, found: String| {
        Err(OpsError::Argument { operation: OPERATION, argument, expected, found })
    };
    let found = value.size();
    let &[batch, tokens, heads, _] = found.as_slice() else {
        return wrong("value", "[N, S, M, D]".to_owned(), format!("{found:?}"));
    };
    if tokens != levels.num_tokens() {
        let expected = format!("{} tokens, the cells of all levels", levels.num_tokens());
        return wrong("value", expected, format!("{tokens} tokens"));
    }
    let num_levels = levels.len() as i64;
    let found = locations.size();
    let &[_, queries, _, _, points, _] = found.as_slice() else {
        return wrong("locations", "[N, Q, M, L, P, 2]".to_owned(), format!("{found:?}"));
    };
    let expected = [batch, queries, heads, num_levels, points, 2];
    if found != expected {
        return wrong("locations", format!("{expected:?}"), format!("{found:?}"));
    }
    if weights.size() != expected[..5] {
        return wrong("weights", format!("{:?}", &expected[..5]), format!("{:?}", weights.size()));
    }
    for (argument, tensor) in [("value", value), ("locations", locations), ("weights", weights)] {
        if tensor.device() != value.device() {
            return wrong(
                argument,
                format!("a tensor on {:?}", value.device()),
                format!("{:?}", tensor.device()),
            );
        }
        if !matches!(tensor.kind(), Kind::Float | Kind::Double | Kind::BFloat16 | Kind::Half) {
            return wrong(
                argument,
                "floating point numbers".to_owned(),
                format!("{:?}", tensor.kind()),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
