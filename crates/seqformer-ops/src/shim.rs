//! The C++ shim: what all of its functions have in common.
//!
//! Every entry point catches all exceptions; a failure comes back as a message.

pub(crate) mod grad_mode;
mod library;

use std::ffi::{CStr, c_char};

use tch::Tensor;
use torch_sys::C_tensor;

pub(crate) use self::library::{find_symbol, open_library};

unsafe extern "C" {
    fn sf_free_message(message: *mut c_char);
}

/// Takes a message of the shim, which owns its memory.
pub(crate) fn check(message: *mut c_char) -> Result<(), String> {
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim returns null or a string of its own that ends with a zero byte.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    // SAFETY: the message came from the shim and is not used again.
    unsafe { sf_free_message(message) };
    Err(text)
}

/// Pointers to tensors, which must outlive the call that they are for.
pub(crate) fn addresses(tensors: &[&Tensor]) -> Vec<*const C_tensor> {
    tensors.iter().map(|tensor| tensor.as_ptr()).collect()
}

/// The elements of an operand; null stands for an empty one.
///
/// # Safety
///
/// A pointer that is not null is valid for `length` elements as long as `'a`.
pub(crate) unsafe fn operand<'a, T>(start: *const T, length: usize) -> &'a [T] {
    if start.is_null() || length == 0 {
        return &[];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(start, length) }
}

/// As [`operand`], to write.
///
/// # Safety
///
/// As for [`operand`], and nothing else refers to the elements.
pub(crate) unsafe fn operand_mut<'a, T>(start: *mut T, length: usize) -> &'a mut [T] {
    if start.is_null() || length == 0 {
        return &mut [];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(start, length) }
}
