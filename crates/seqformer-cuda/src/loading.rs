//! Opens libtorch's CUDA part, before anything is computed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use seqformer_libtorch::{OpsError, open_library};

/// Whether libtorch's CUDA part is open, and whether it may still be opened.
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
        // Waits for a thread that is opening the library.
        let _is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        self.computes.store(true, Ordering::Relaxed);
    }
}

/// Opens libtorch's CUDA part for the whole process, once; needed before CUDA is used.
///
/// Opening it adds operations to tables that all others read without a lock, so no thread may compute with tensors
/// meanwhile. Call this, or a function that calls it, before the first tensor is made; once layers of `seqformer-ops` have run on the
/// CPU, or [`begin_computing`] was called, the library is no longer opened. Tensors that are used without that
/// crate are not noticed.
///
/// # Errors
///
/// If the file or a library that it needs is missing, with the loader's message; or if the call comes too late.
pub fn open_cuda_library(path: &Path) -> Result<(), OpsError> {
    CUDA_LIBRARY
        .open(|| open_library(path))
        .map_err(|message| OpsError::Library { path: path.display().to_string(), message })
}

/// Notes that threads of this process compute with tensors from now on: see [`open_cuda_library`].
pub fn begin_computing() {
    CUDA_LIBRARY.begin_computing();
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn library() -> CudaLibrary {
        CudaLibrary { is_open: Mutex::new(false), computes: AtomicBool::new(false) }
    }

    #[test]
    fn the_library_is_opened_once_by_many_threads() {
        let (library, opened) = (library(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let open = || {
                        opened.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    };
                    library.open(open).unwrap();
                });
            }
        });
        assert_eq!(opened.into_inner(), 1);
    }

    #[test]
    fn a_library_that_comes_too_late_is_refused_and_one_that_is_open_is_not() {
        let early = library();
        early.open(|| Ok(())).unwrap();
        early.begin_computing();
        early.open(|| panic!("it is open")).unwrap();

        let late = library();
        late.begin_computing();
        let message = late.open(|| panic!("others compute")).unwrap_err();
        assert!(message.contains("before anything is computed"), "{message}");
    }

    #[test]
    fn a_library_that_cannot_be_opened_may_be_tried_again() {
        let library = library();
        assert_eq!(library.open(|| Err("no such file".to_owned())).unwrap_err(), "no such file");
        library.open(|| Ok(())).unwrap();
    }

    #[test]
    fn computing_waits_for_a_library_that_is_being_opened() {
        let (library, is_done) = (library(), AtomicBool::new(false));
        let (started, has_started) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let open = || {
                    started.send(()).unwrap();
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    is_done.store(true, Ordering::Relaxed);
                    Ok(())
                };
                library.open(open).unwrap();
            });
            has_started.recv().unwrap();
            library.begin_computing();
            assert!(is_done.load(Ordering::Relaxed));
        });
    }
}
