//! Layers whose intermediate tensors are computed again in the backward pass.

use seqformer_ops::recompute::recomputed;
use tch::Tensor;

/// Runs a part of the network that holds nothing but parameters besides its inputs, to run it again for the
/// gradients: only its inputs are kept.
pub(crate) fn run_again<const N: usize>(
    inputs: &[&Tensor],
    work: impl Fn(&[Tensor]) -> [Tensor; N] + 'static,
) -> [Tensor; N] {
    let outputs = recomputed(inputs, N, move |inputs| work(inputs).into())
        .unwrap_or_else(|error| panic!("{error}"));
    outputs.try_into().expect("there are as many outputs as the array has places")
}
