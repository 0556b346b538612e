//! The functions of the shim for autocast.

use std::ffi::c_int;

unsafe extern "C" {
    fn sf_set_autocast(cuda: c_int, enabled: c_int) -> c_int;
    fn sf_clear_autocast_cache();
}

/// Turns autocast of this thread on or off for a kind of device; returns what it was.
pub(crate) fn set_autocast(cuda: bool, enabled: bool) -> bool {
    // SAFETY: the call takes numbers and may be made at any time.
    unsafe { sf_set_autocast(c_int::from(cuda), c_int::from(enabled)) != 0 }
}

/// Clears autocast's cache of converted weights.
pub(crate) fn clear_autocast_cache() {
    // SAFETY: the call takes no argument and may be made at any time.
    unsafe { sf_clear_autocast_cache() }
}
