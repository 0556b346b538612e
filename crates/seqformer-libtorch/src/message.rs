//! How functions of the shim fail: no C++ exception crosses; a message comes back.

use std::ffi::{CStr, CString, c_char};

unsafe extern "C" {
    fn sf_free_message(message: *mut c_char);
    fn strdup(text: *const c_char) -> *mut c_char;
}

/// What a function of the shim returns, and what functions that it calls back return to it.
///
/// In C++ it is a `char *`: null, or a text made with `strdup` that belongs to whoever gets it. Only such functions make
/// one, so that [`check`] may free it.
#[derive(Debug)]
#[repr(transparent)]
#[must_use = "it says whether the call has failed, and owns the text"]
pub struct Message(*mut c_char);

impl Message {
    /// All went well.
    pub fn success() -> Self {
        Self(std::ptr::null_mut())
    }

    /// A failure; the shim frees the text.
    pub fn failure(text: &str) -> Self {
        let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
        // SAFETY: the text ends with a zero byte and lives through the call.
        Self(unsafe { strdup(text.as_ptr()) })
    }
}

/// Takes a message of the shim.
///
/// # Errors
///
/// Its text, if the call has failed.
pub fn check(message: Message) -> Result<(), String> {
    let Message(message) = message;
    if message.is_null() {
        return Ok(());
    }
    // SAFETY: the shim returns null or a string of its own that ends with a zero byte.
    let text = unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned();
    // SAFETY: the message came from the shim and is not used again.
    unsafe { sf_free_message(message) };
    Err(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_success_or_the_text_without_zero_bytes() {
        assert_eq!(check(Message::success()), Ok(()));
        assert_eq!(check(Message::failure("no\0memory")), Err("no memory".to_owned()));
        assert_eq!(check(Message::failure("")), Err(String::new()));
    }
}
