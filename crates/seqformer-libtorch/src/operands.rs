//! What goes over the border as plain pointers.

use tch::Tensor;
use torch_sys::C_tensor;

/// Pointers to tensors, which must outlive the call that they are for.
pub fn addresses(tensors: &[&Tensor]) -> Vec<*const C_tensor> {
    tensors.iter().map(|tensor| tensor.as_ptr()).collect()
}

/// The elements of an operand; null stands for an empty one.
///
/// # Safety
///
/// A pointer that is not null is valid for `length` elements as long as `'a`.
pub unsafe fn operand<'a, T>(start: *const T, length: usize) -> &'a [T] {
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
pub unsafe fn operand_mut<'a, T>(start: *mut T, length: usize) -> &'a mut [T] {
    if start.is_null() || length == 0 {
        return &mut [];
    }
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts_mut(start, length) }
}
