//! Activation checkpointing: memory for time in the backward pass.

#[expect(unsafe_code, reason = "calls of the shim, and what it calls back")]
mod binding;

use tch::Tensor;

use crate::OpsError;

/// Runs a part of a network whose intermediate tensors are not kept: the backward pass runs it again.
///
/// Outputs and gradients are those of `work` itself, with the same random numbers and in the same precision.
/// What `work` holds besides its inputs are parameters and tensors without a gradient. Without gradients
/// this is one plain run. On a GPU, autograd runs and drops `work` on a thread of its own while this one waits or goes
/// on, so what it shares must be in an `Arc`, not an `Rc`.
///
/// # Errors
///
/// If `work` panics or gives another number of outputs, or uses a tensor with a history that is not among
/// its inputs.
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
