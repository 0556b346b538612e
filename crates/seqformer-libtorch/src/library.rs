//! Shared libraries that are opened when they are needed.

use std::ffi::{CStr, CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::message::{Message, check};

unsafe extern "C" {
    fn sf_open_library(path: *const c_char) -> Message;
    fn sf_find_symbol(
        out: *mut *mut c_void,
        library: *const c_char,
        name: *const c_char,
    ) -> Message;
}

/// Opens a library for the whole process.
///
/// # Errors
///
/// What the loader says.
pub fn open_library(path: &Path) -> Result<(), String> {
    let path = c_path(path)?;
    // SAFETY: the path ends with a zero byte and lives through the call.
    check(unsafe { sf_open_library(path.as_ptr()) })
}

/// Opens a library and finds a function in it. Libraries are never closed.
///
/// # Errors
///
/// What the loader says.
pub fn find_symbol(library: &Path, name: &CStr) -> Result<*mut c_void, String> {
    let library = c_path(library)?;
    let mut symbol = std::ptr::null_mut();
    // SAFETY: the texts live through the call, and `symbol` is writable.
    check(unsafe { sf_find_symbol(&raw mut symbol, library.as_ptr(), name.as_ptr()) })?;
    Ok(symbol)
}

fn c_path(path: &Path) -> Result<CString, String> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_zero| "the path holds a zero byte".to_owned())
}
