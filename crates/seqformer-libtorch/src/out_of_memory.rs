//! What libtorch says when a device has no memory left, and how it is caught.
//!
//! `tch` turns an exception of libtorch into a panic wherever an operation has no fallible form, so that the network's
//! own code stays readable. A prediction can go on with fewer frames, though, so this one panic is caught.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;

use crate::grad_mode;

/// What libtorch, CUDA's runtime and driver, cuBLAS and cuDNN say.
///
/// The last is what libtorch says when none of cuDNN's algorithms could run, mostly because none has found room for its
/// workspace.
const WORDS: [&str; 7] = [
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUDA driver error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "unable to find an engine to execute this computation",
];

/// A device had no memory left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OutOfMemory {
    /// What libtorch says about it.
    pub message: String,
}

impl OutOfMemory {
    /// The words about memory in a longer message, if there are any: what stands around them is a stack.
    pub fn of(text: &str) -> Option<Self> {
        let start = WORDS.iter().filter_map(|words| text.find(words)).min()?;
        let line = text[start..].lines().next().unwrap_or_default();
        // A message within a printed error has its line breaks written out.
        let line = line.split("\\n").next().unwrap_or_default();
        Some(Self { message: line.trim_end_matches(['"', ')', ' ', '}']).to_owned() })
    }
}

/// Whether a message says that a device has no memory left.
pub fn is_out_of_memory(text: &str) -> bool {
    WORDS.iter().any(|words| text.contains(words))
}

/// Runs `work`, and catches its panic if that says that a device has no memory left; every other panic goes on.
///
/// What `work` was changing may be half done then, so it should only make new values.
///
/// # Errors
///
/// If the device has no memory left.
pub fn catch_out_of_memory<R>(work: impl FnOnce() -> R) -> Result<R, OutOfMemory> {
    match caught(Silence::OutOfMemory, work) {
        Ok(result) => Ok(result),
        Err(panic) => match OutOfMemory::of(text_of(&*panic)) {
            Some(error) => Err(error),
            None => resume_unwind(panic),
        },
    }
}

/// Runs `work`, and gives the words of any panic, which are not printed.
///
/// # Errors
///
/// If `work` panics.
pub fn catch_all<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    caught(Silence::All, work).map_err(|panic| text_of(&*panic).to_owned())
}

/// Which panics of this thread are not printed, because somebody deals with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    Nothing,
    OutOfMemory,
    All,
}

thread_local! {
    static SILENCE: Cell<Silence> = const { Cell::new(Silence::Nothing) };
}

fn caught<R>(silence: Silence, work: impl FnOnce() -> R) -> Result<R, Box<dyn Any + Send>> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let is_silent = match SILENCE.get() {
                Silence::Nothing => false,
                Silence::OutOfMemory => is_out_of_memory(text_of(info.payload())),
                Silence::All => true,
            };
            if !is_silent {
                print(info);
            }
        }));
    });
    let (before, has_gradients) = (SILENCE.replace(silence), grad_mode::get());
    let result = catch_unwind(AssertUnwindSafe(work));
    SILENCE.set(before);
    if result.is_err() {
        // `tch::no_grad` does not turn gradients on again when it is left by a panic.
        grad_mode::set(has_gradients);
    }
    result
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().copied().unwrap_or("unknown panic"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `tch` panics when libtorch throws.
    fn fail(words: &str) {
        let words = format!("{words}. Tried to allocate 2.00 GiB\nframe #0: start");
        let failed: Result<(), _> = std::iter::once(Err(tch::TchError::Torch(words))).collect();
        failed.unwrap();
    }

    #[test]
    fn a_panic_about_memory_is_an_error_that_says_only_that() {
        for words in WORDS {
            let error = catch_out_of_memory(|| fail(words)).unwrap_err();
            assert_eq!(error.to_string(), format!("{words}. Tried to allocate 2.00 GiB"));
        }
        assert_eq!(catch_out_of_memory(|| 7), Ok(7));
    }

    #[test]
    fn what_libraries_say_without_memory_is_known() {
        for text in [
            "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
            "FIND was unable to find an engine to execute this computation",
            "GET was unable to find an engine to execute this computation",
            "CUDA driver error: out of memory",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        ] {
            assert!(is_out_of_memory(text), "{text}");
        }
        assert!(!is_out_of_memory("CUDA driver error: invalid argument"));
    }

    #[test]
    fn every_other_panic_goes_on() {
        let panic = catch_unwind(|| {
            let _caught = catch_out_of_memory(|| std::panic::panic_any("no such column"));
        });
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"no such column"));
        assert_eq!(catch_all(|| std::panic::panic_any("no such row")).unwrap_err(), "no such row");
        assert_eq!(SILENCE.get(), Silence::Nothing);
    }

    #[test]
    fn messages_of_other_failures_are_not_about_the_memory_of_a_device() {
        for text in ["", "CUDA error: an illegal memory access was encountered", "out of disk"] {
            assert!(!is_out_of_memory(text) && OutOfMemory::of(text).is_none(), "{text}");
        }
        // The memory of the host is not freed by fewer frames on a device.
        assert!(!is_out_of_memory("DefaultCPUAllocator: can't allocate memory"));
    }

    #[test]
    fn gradients_are_recorded_again_after_a_panic() {
        for has_gradients in [true, false] {
            let before = grad_mode::set(has_gradients);
            let failed = catch_out_of_memory(|| tch::no_grad(|| fail(WORDS[0])));
            assert!(failed.is_err() && grad_mode::get() == has_gradients);
            grad_mode::set(before);
        }
    }
}
