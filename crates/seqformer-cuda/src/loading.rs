//! Opening libtorch's part for CUDA, before anything is computed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use seqformer_libtorch::{OpsError, open_library};

/// Whether libtorch's part for CUDA is open, and whether it still may be opened.
#[derive(Debug)]
struct CudaLibrary {
    is_open: Mutex<bool>,
    computes: AtomicBool,
}

static CUDA_LIBRARY: CudaLibrary =
    CudaLibrary { is_open: Mutex::new(false), computes: AtomicBool::new(false) };

impl CudaLibrary {
    fn open(&self, open: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
        let mut is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_open {
            return Ok(());
        }
        if self.computes.load(Ordering::Relaxed) {
            let reason = "tensors are in use already, and opening it changes tables that they read without a lock: \
                          ask for the GPU before anything is computed on the CPU";
            return Err(reason.to_owned());
        }
        open()?;
        *is_open = true;
        Ok(())
    }

    fn begin_computing(&self) {
        if self.computes.load(Ordering::Relaxed) {
            return;
        }
        // Waits for a thread that is just opening the library.
        let _is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        self.computes.store(true, Ordering::Relaxed);
    }
}

/// Opens libtorch's part for CUDA for the whole process, once; needed before CUDA is used.
///
/// Opening it adds operations to tables that all others read without a lock, so no thread may compute with tensors
/// meanwhile. Call this, or whatever calls it, before the first tensor is made; once layers of `seqformer-ops` have run on the
/// CPU, or [`begin_computing`] was called, the library is no longer opened. It does not know of tensors that are used
/// without that crate.
///
/// # Errors
///
/// If the file is missing or one of the libraries that it needs is, in the loader's words; or if it comes too late.
pub fn open_cuda_library(path: &Path) -> Result<(), OpsError> {
    CUDA_LIBRARY
        .open(|| open_library(path))
        .map_err(|message| OpsError::Library { path: path.display().to_string(), message })
}

/// Says that threads of this process compute with tensors from now on: see [`open_cuda_library`].
pub fn begin_computing() {
    CUDA_LIBRARY.begin_computing();
}

#[cfg(test)]
mod tests;
