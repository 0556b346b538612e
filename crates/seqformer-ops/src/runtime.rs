//! Settings of the process that libtorch runs in.

use std::path::Path;

use crate::{OpsError, ffi};

/// Opens a shared library for the whole process, as `libtorch_cuda` has to be before CUDA is used.
///
/// # Errors
///
/// If the file is missing or one of the libraries that it needs is; the loader's words are kept.
pub fn open_library(path: &Path) -> Result<(), OpsError> {
    ffi::open_library(path)
}

/// Keeps the memory of large tensors that are freed for the next ones, instead of returning every block to
/// the system: fresh pages are zeroed by the system one by one, which costs more than many a layer.
///
/// What is kept and in use together is at most half more than what was ever in use at once; above 512 MiB,
/// 256 MiB or a quarter more.
pub fn keep_freed_memory() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(ffi::use_pool);
}
