//! Activation checkpointing: saves memory by computing activations again in the backward pass.

#[expect(unsafe_code, reason = "calls of the shim, and what it calls back")]
mod binding;

use tch::Tensor;

use crate::OpsError;

/// Runs part of a network without keeping its intermediate tensors; the backward pass runs it again.
///
/// Outputs and gradients equal those of `work`, with the same random numbers and precision. Besides its inputs, `work` may
/// capture only parameters and tensors without a gradient. If no gradient is recorded, `work` just runs once. On a GPU,
/// autograd runs and drops `work` on a thread of its own, so what it shares must be in an `Arc`, not an `Rc`.
///
/// # Errors
///
/// If `work` panics, returns another number of outputs the second time, or captures a tensor that has a gradient history
/// and is not among its inputs.
///
/// # Panics
///
/// If there is no input.
pub fn recomputed(
    inputs: &[&Tensor],
    num_outputs: usize,
    work: impl Fn(&[Tensor]) -> Vec<Tensor> + 'static,
) -> Result<Vec<Tensor>, OpsError> {
    assert!(!inputs.is_empty(), "a part of a network has an input");
    let torch = |message| OpsError::Torch { operation: "recomputed", message };
    binding::recomputed(inputs, num_outputs, Box::new(work)).map_err(torch)
}

#[cfg(test)]
mod tests;
