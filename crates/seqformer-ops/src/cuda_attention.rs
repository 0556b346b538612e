//! Attention on NVIDIA GPUs: by kernels that have to pass a small case there before they are used.

mod self_check;

use seqformer_cuda::kernels::{self, Passes};
use seqformer_libtorch::OpsError;
use seqformer_libtorch::ms_deform_attn::Kernels;

/// The kernels on a GPU, for these passes alone. Nothing, after one warning, where they cannot be loaded or their results
/// on a small case are not those of plain tensor operations.
pub(crate) fn kernels_of(device: usize, passes: Passes) -> Option<&'static Kernels> {
    kernels::attention(device, passes, self_check::run)
}

/// Compiles and loads all kernels on GPU number `device`, and compares those of attention with plain tensor
/// operations, instead of when they are first needed.
///
/// # Errors
///
/// If there is no such GPU, or a kernel cannot be used on it; the message says why. Attention then runs as plain tensor
/// operations.
pub fn prepare(device: usize) -> Result<(), OpsError> {
    kernels::prepare(device, self_check::run)
}
