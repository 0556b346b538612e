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

/// Asks the C library to keep freed memory for the next tensor instead of returning every large
/// block to the system. Returns whether it agreed.
///
/// Fresh pages are zeroed by the kernel one by one, which costs more than many a layer.
pub fn keep_freed_memory() -> bool {
    ffi::keep_freed_memory()
}
