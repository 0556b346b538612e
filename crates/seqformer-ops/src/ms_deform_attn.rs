//! The differentiable operation: checks, then the kernel of the device.

use tch::{Device, Kind, Tensor};

use crate::{FeatureLevels, OpsError, ffi, reference};

const OPERATION: &str = "ms_deform_attn";

/// Sums bilinearly interpolated points of several feature maps by weight, for every query and head.
///
/// A location `(x, y)` of a level with `W` columns and `H` rows is the point `x * W - 0.5`,
/// `y * H - 0.5` between its cells; cells outside the map count as zero. Differentiable in all three
/// tensors. Runs in our kernels for `f32` and `bf16` values (summed in `f32`) on the CPU, and as
/// plain tensor operations for other kinds and devices.
///
/// # Shapes
///
/// - `value`: `[N, S, M, D]`, the levels one behind the other
/// - `locations`: `[N, Q, M, L, P, 2]`, (x, y) in units of the whole map
/// - `weights`: `[N, Q, M, L, P]`
/// - output: `[N, Q, M * D]`, of the kind of `value`
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
    let has_kernel =
        value.device() == Device::Cpu && matches!(value.kind(), Kind::Float | Kind::BFloat16);
    if !has_kernel {
        return Ok(reference::ms_deform_attn(value, levels, locations, weights));
    }
    let locations = locations.to_kind(Kind::Float).contiguous();
    let weights = weights.to_kind(Kind::Float).contiguous();
    ffi::ms_deform_attn(&value.contiguous(), levels, &locations, &weights)
        .map_err(|message| OpsError::Torch { operation: OPERATION, message })
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
