//! Pages of the system, and the pool that gives libtorch the memory of large tensors.

use std::ffi::c_void;

use super::{self as pool, Pages};

/// The pool, as `PoolCalls` in `cpu_allocator.cpp`.
#[repr(C)]
struct PoolCalls {
    allocate: extern "C" fn(usize) -> *mut c_void,
    free: extern "C" fn(*mut c_void) -> bool,
}

unsafe extern "C" {
    fn sf_map_pages(bytes: usize) -> *mut c_void;
    fn sf_unmap_pages(block: *mut c_void, bytes: usize);
    fn sf_use_pool(calls: PoolCalls, from: usize);
    fn sf_use_guarded_pool(from: usize);
}

/// Pages that the system maps for this process.
#[derive(Debug)]
pub(crate) struct SystemPages;

impl Pages for SystemPages {
    fn map(&mut self, bytes: usize) -> Option<usize> {
        // SAFETY: the call takes any number of bytes and touches no memory of others.
        let block = unsafe { sf_map_pages(bytes) };
        (!block.is_null()).then(|| block.expose_provenance())
    }

    fn unmap(&mut self, address: usize, bytes: usize) {
        // SAFETY: the pool gives back what `map` returned, once, when no tensor refers to it any more.
        unsafe { sf_unmap_pages(std::ptr::with_exposed_provenance_mut(address), bytes) }
    }
}

extern "C" fn allocate(bytes: usize) -> *mut c_void {
    pool::allocate(bytes).map_or(std::ptr::null_mut(), std::ptr::with_exposed_provenance_mut)
}

extern "C" fn free(block: *mut c_void) -> bool {
    pool::free(block.expose_provenance())
}

/// See [`crate::runtime::keep_freed_memory`].
pub(crate) fn use_pool() {
    // SAFETY: both functions may be called from any thread at any time, until the process ends.
    unsafe { sf_use_pool(PoolCalls { allocate, free }, pool::SMALLEST) }
}

/// As [`use_pool`], with the blocks of `cpp/guarded_pool.cpp`.
pub(crate) fn use_guarded_pool() {
    // SAFETY: the call takes a number; the allocator that it installs lives until the process ends.
    unsafe { sf_use_guarded_pool(pool::SMALLEST) }
}

#[cfg(test)]
mod tests;
