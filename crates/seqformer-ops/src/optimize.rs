//! An optimizer's arithmetic on lists of tensors, in few operations for all of them.
//!
//! AdamW: Loshchilov and Hutter (arXiv:1711.05101), algorithm 2, in PyTorch's form.

mod adamw;
#[expect(unsafe_code, reason = "calls of the shim")]
mod binding;

use tch::{Kind, Tensor};

pub use self::adamw::{AdamW, AdamWTensors};
use crate::OpsError;

/// Updates all parameters by one step of AdamW.
///
/// ```text
/// p ← p (1 - lr · weight_decay);  m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g²
/// p ← p - lr / (1 - β₁ᵗ) · m / (√v / √(1 - β₂ᵗ) + ε)
/// ```
///
/// # Errors
///
/// If the lists do not match, or a tensor is not contiguous `f32`.
pub fn adamw_step(options: &AdamW, tensors: &AdamWTensors<'_>) -> Result<(), OpsError> {
    const OPERATION: &str = "adamw_step";
    let Some(first) = tensors.parameters.first() else { return Ok(()) };
    let lists = [
        ("gradients", tensors.gradients),
        ("exp_avgs", tensors.exp_avgs),
        ("exp_avg_sqs", tensors.exp_avg_sqs),
        ("steps", tensors.steps),
    ];
    let wrong = |argument, expected: String, found: String| {
        Err(OpsError::Argument { operation: OPERATION, argument, expected, found })
    };
    for (name, list) in lists {
        if list.len() != tensors.parameters.len() {
            let expected = format!("{} tensors", tensors.parameters.len());
            return wrong(name, expected, list.len().to_string());
        }
        for (parameter, tensor) in tensors.parameters.iter().zip(list) {
            let expected = if name == "steps" { vec![] } else { parameter.size() };
            if tensor.size() != expected {
                return wrong(name, format!("{expected:?}"), format!("{:?}", tensor.size()));
            }
        }
    }
    for (name, list) in [("parameters", tensors.parameters)].into_iter().chain(lists) {
        for tensor in list {
            if tensor.kind() != Kind::Float || tensor.device() != first.device() {
                let expected = format!("single precision on {:?}", first.device());
                return wrong(
                    name,
                    expected,
                    format!("{:?} on {:?}", tensor.kind(), tensor.device()),
                );
            }
            if name != "gradients" && !tensor.is_contiguous() {
                return wrong(
                    name,
                    "contiguous tensors".to_owned(),
                    format!("strides {:?}", tensor.stride()),
                );
            }
        }
    }
    binding::adamw_step(options, tensors)
        .map_err(|message| OpsError::Torch { operation: OPERATION, message })
}

/// The 2-norm of all elements of all tensors, as a scalar on their device.
///
/// # Errors
///
/// If the tensors are on different devices or not floats.
pub fn global_norm(tensors: &[&Tensor]) -> Result<Tensor, OpsError> {
    if tensors.is_empty() {
        return Ok(Tensor::from(0.0_f32));
    }
    binding::global_norm(tensors)
        .map_err(|message| OpsError::Torch { operation: "global_norm", message })
}

/// New tensors: all tensors multiplied by a scalar, which may be on their device.
///
/// # Errors
///
/// If the tensors are on different devices or not floats.
pub fn scaled(tensors: &[&Tensor], factor: &Tensor) -> Result<Vec<Tensor>, OpsError> {
    binding::scaled(tensors, factor)
        .map_err(|message| OpsError::Torch { operation: "scaled", message })
}

#[cfg(test)]
mod tests;
