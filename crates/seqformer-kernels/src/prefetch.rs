//! Prefetching into the cache.

/// Bytes per cache line.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Prefetches `length` elements starting at `first`; positions out of range are allowed.
#[inline(always)]
pub(crate) fn prefetch<T>(slice: &[T], first: usize, length: usize) {
    if let Some(part) = slice.get(first..first + length) {
        prefetch_lines(part.as_ptr(), length);
    }
}

/// As [`prefetch`], by address, which is not dereferenced.
#[inline(always)]
pub(crate) fn prefetch_lines<T>(start: *const T, length: usize) {
    #[cfg(target_arch = "x86_64")]
    for first in (0..length).step_by((LINE / size_of::<T>()).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = start.wrapping_add(first).cast();
        // SAFETY: the machine has SSE, as every x86-64 has; a prefetch reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
    }
}

/// Prefetches the rows of some cells; indices out of range are allowed.
#[inline(always)]
pub(crate) fn prefetch_rows<R>(rows: &[R], cells: &[i32]) {
    for &cell in cells {
        let row = rows.as_ptr().wrapping_add(cell as usize);
        prefetch_lines(row.cast::<u8>(), size_of::<R>());
    }
}
