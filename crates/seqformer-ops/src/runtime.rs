//! Settings of the process that libtorch runs in.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use seqformer_libtorch::open_library;

use crate::OpsError;
use crate::pool::{use_guarded_pool, use_pool};

/// The environment variable by which large tensors are guarded.
pub(crate) const GUARD_VARIABLE: &str = "SEQFORMER_GUARD_POOL";

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
/// meanwhile. Call this, or whatever calls it, before the first tensor is made; once layers of this crate have run on the
/// CPU, or [`begin_computing`] was called, the library is no longer opened. It does not know of tensors that are used
/// without this crate.
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

/// Keeps the memory of large tensors that are freed for the next ones, instead of returning every block to
/// the system: fresh pages are zeroed by the system one by one, which costs more than many a layer.
///
/// What is kept and in use together is at most half more than what was ever in use at once; above 512 MiB,
/// 256 MiB or a quarter more.
///
/// With the environment variable `SEQFORMER_GUARD_POOL=1` nothing is kept: every large tensor lies between
/// pages that nobody may touch, and the process ends at the first access outside of it or after it was freed.
/// This is a tool to find such accesses, not for production: it is slow.
pub fn keep_freed_memory() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| if is_guarded() { use_guarded_pool() } else { use_pool() });
}

/// Tells whether large tensors are to lie between guard pages.
pub(crate) fn is_guarded() -> bool {
    std::env::var_os(GUARD_VARIABLE).is_some_and(|value| value == "1")
}

#[cfg(test)]
mod tests;
