//! Attention on NVIDIA GPUs, by kernels that must pass a self-check on the GPU before they are used.

mod self_check;

use seqformer_cuda::kernels::{self, Passes};
use seqformer_libtorch::OpsError;
use seqformer_libtorch::ms_deform_attn::Kernels;

/// The kernels on a GPU, for these passes. `None`, after one warning, if they cannot be loaded or fail the self-check.
pub(crate) fn kernels_of(device: usize, passes: Passes) -> Option<&'static Kernels> {
    kernels::attention(device, passes, self_check::run)
}

/// Compiles, loads and checks all kernels on GPU number `device` now instead of at their first use.
///
/// # Errors
///
/// If there is no such GPU, or a kernel cannot be used on it; the message says why. Attention then runs as plain tensor
/// operations.
pub fn prepare(device: usize) -> Result<(), OpsError> {
    kernels::prepare(device, self_check::run)
}
