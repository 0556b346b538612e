//! c10d's table of small values.

use std::ffi::{CString, c_char, c_int, c_void};
use std::time::Duration;

use seqformer_libtorch::{Message, check};

/// An object of the shim, only ever behind pointers.
#[repr(C)]
pub(super) struct SfStore(c_void);

unsafe extern "C" {
    fn sf_store_open(
        out: *mut *mut SfStore,
        host: *const c_char,
        port: u16,
        is_server: c_int,
        timeout_ms: i64,
    ) -> Message;
    fn sf_store_port(store: *const SfStore) -> u16;
    fn sf_store_prefixed(
        out: *mut *mut SfStore,
        store: *const SfStore,
        prefix: *const c_char,
    ) -> Message;
    fn sf_store_free(store: *mut SfStore);
    fn sf_store_set(
        store: *const SfStore,
        key: *const c_char,
        bytes: *const u8,
        length: usize,
    ) -> Message;
    fn sf_store_get(
        store: *const SfStore,
        key: *const c_char,
        timeout_ms: i64,
        bytes: *mut *mut u8,
        length: *mut usize,
    ) -> Message;
    fn sf_free_bytes(bytes: *mut u8);
    fn sf_store_add(
        store: *const SfStore,
        key: *const c_char,
        amount: i64,
        sum: *mut i64,
    ) -> Message;
    fn sf_store_has(store: *const SfStore, key: *const c_char, found: *mut c_int) -> Message;
    fn sf_store_remove(store: *const SfStore, key: *const c_char) -> Message;
}

pub(super) fn text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_zero| format!("{text:?} holds a zero byte"))
}

pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 1_000_000)
}

/// See [`crate::process_group::Store`].
#[derive(Debug)]
pub(crate) struct Store(*mut SfStore);

// SAFETY: the store of c10d guards its connection with a mutex, and what is beside that never changes.
unsafe impl Send for Store {}
// SAFETY: as above.
unsafe impl Sync for Store {}

impl Store {
    pub(super) fn as_ptr(&self) -> *const SfStore {
        self.0
    }

    pub(crate) fn open(
        host: &str,
        port: u16,
        is_server: bool,
        timeout: Duration,
    ) -> Result<Self, String> {
        let host = text(host)?;
        let mut out = std::ptr::null_mut();
        // SAFETY: the name lives through the call, and `out` is writable.
        check(unsafe {
            sf_store_open(
                &raw mut out,
                host.as_ptr(),
                port,
                c_int::from(is_server),
                millis(timeout),
            )
        })?;
        Ok(Self(out))
    }

    pub(crate) fn port(&self) -> u16 {
        // SAFETY: the store lives as long as this value.
        unsafe { sf_store_port(self.0) }
    }

    pub(crate) fn prefixed(&self, prefix: &str) -> Result<Self, String> {
        let prefix = text(prefix)?;
        let mut out = std::ptr::null_mut();
        // SAFETY: the store and the text live through the call, and `out` is writable.
        check(unsafe { sf_store_prefixed(&raw mut out, self.0, prefix.as_ptr()) })?;
        Ok(Self(out))
    }

    pub(crate) fn set(&self, key: &str, bytes: &[u8]) -> Result<(), String> {
        let key = text(key)?;
        // SAFETY: the store, the key and the bytes live through the call.
        check(unsafe { sf_store_set(self.0, key.as_ptr(), bytes.as_ptr(), bytes.len()) })
    }

    pub(crate) fn get(&self, key: &str, timeout: Duration) -> Result<Vec<u8>, String> {
        let key = text(key)?;
        let (mut bytes, mut length) = (std::ptr::null_mut(), 0);
        // SAFETY: the store and the key live through the call, and both results are writable.
        check(unsafe {
            sf_store_get(self.0, key.as_ptr(), millis(timeout), &raw mut bytes, &raw mut length)
        })?;
        // SAFETY: no message means that the shim made so many bytes.
        let found = unsafe { std::slice::from_raw_parts(bytes, length) }.to_vec();
        // SAFETY: the bytes came from the shim and are not used again.
        unsafe { sf_free_bytes(bytes) };
        Ok(found)
    }

    pub(crate) fn add(&self, key: &str, amount: i64) -> Result<i64, String> {
        let key = text(key)?;
        let mut sum = 0;
        // SAFETY: the store and the key live through the call, and `sum` is writable.
        check(unsafe { sf_store_add(self.0, key.as_ptr(), amount, &raw mut sum) })?;
        Ok(sum)
    }

    pub(crate) fn has(&self, key: &str) -> Result<bool, String> {
        let key = text(key)?;
        let mut found = 0;
        // SAFETY: the store and the key live through the call, and `found` is writable.
        check(unsafe { sf_store_has(self.0, key.as_ptr(), &raw mut found) })?;
        Ok(found != 0)
    }

    pub(crate) fn remove(&self, key: &str) -> Result<(), String> {
        let key = text(key)?;
        // SAFETY: the store and the key live through the call.
        check(unsafe { sf_store_remove(self.0, key.as_ptr()) })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: nobody else owns the store.
        unsafe { sf_store_free(self.0) }
    }
}
