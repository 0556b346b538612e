//! Activation checkpointing: the backward pass recomputes intermediate tensors.

use seqformer_ops::recompute::recomputed;
use tch::Tensor;

/// Runs a part of the network and keeps only its inputs; the backward pass runs it again.
///
/// Besides its inputs, `work` may capture only parameters, and what it shares in an `Arc`: autograd may run and drop it
/// on a thread of its own.
pub(crate) fn checkpointed<const N: usize>(
    inputs: &[&Tensor],
    work: impl Fn(&[Tensor]) -> [Tensor; N] + 'static,
) -> [Tensor; N] {
    let outputs = recomputed(inputs, N, move |inputs| work(inputs).into())
        .unwrap_or_else(|error| panic!("{error}"));
    outputs.try_into().expect("there are as many outputs as the array has places")
}
