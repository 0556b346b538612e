//! Activation checkpointing: layers whose intermediate tensors are computed again in the backward pass.

use seqformer_ops::recompute::recomputed;
use tch::Tensor;

/// Runs a part of the network of which only the inputs are kept; the backward pass runs it once more.
///
/// Besides its inputs, `work` may hold nothing but parameters.
pub(crate) fn checkpointed<const N: usize>(
    inputs: &[&Tensor],
    work: impl Fn(&[Tensor]) -> [Tensor; N] + 'static,
) -> [Tensor; N] {
    let outputs = recomputed(inputs, N, move |inputs| work(inputs).into())
        .unwrap_or_else(|error| panic!("{error}"));
    outputs.try_into().expect("there are as many outputs as the array has places")
}
