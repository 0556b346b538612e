//! Whether this thread records operations for gradients.

/// Turns recording on or off; returns what it was.
pub(crate) fn set(enabled: bool) -> bool {
    // SAFETY: the call takes a number and may be made at any time.
    unsafe { torch_sys::at_grad_set_enabled(i32::from(enabled)) != 0 }
}

/// What it is.
pub(crate) fn get() -> bool {
    let enabled = set(true);
    set(enabled);
    enabled
}
