//! An output that several threads write at once.

use std::marker::PhantomData;

use crate::prefetch::prefetch_lines;

/// A slice that several threads write, each its own rows.
#[derive(Debug)]
pub(crate) struct DisjointRows<'a, T> {
    start: *mut T,
    length: usize,
    marker: PhantomData<&'a mut [T]>,
}

// SAFETY: the only access is `write`, whose callers promise that no two threads write the same elements.
unsafe impl<T: Send> Sync for DisjointRows<'_, T> {}

impl<'a, T: Copy> DisjointRows<'a, T> {
    /// Shares `slice`, which nothing else accesses meanwhile.
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self { start: slice.as_mut_ptr(), length: slice.len(), marker: PhantomData }
    }

    /// Copies `row` to the elements starting at `first`.
    ///
    /// # Safety
    ///
    /// No other thread writes any of these elements while this value lives: the work is divided so that each task has
    /// its own rows.
    ///
    /// # Panics
    ///
    /// If the row does not lie within the slice.
    #[inline(always)]
    pub(crate) unsafe fn write(&self, first: usize, row: &[T]) {
        assert!(
            first <= self.length && row.len() <= self.length - first,
            "a row lies inside its slice"
        );
        // SAFETY: `first` is within the slice by the assertion.
        let to = unsafe { self.start.add(first) };
        // SAFETY: the target lies inside the slice, no other thread writes it, as the caller promises, and `row` is
        // elsewhere: the slice is borrowed by this value alone.
        unsafe { std::ptr::copy_nonoverlapping(row.as_ptr(), to, row.len()) };
    }

    /// Prefetches a row that will be written soon. Stores retire in order: one that waits for memory delays all that
    /// follow.
    #[inline(always)]
    pub(crate) fn prefetch(&self, first: usize, length: usize) {
        if first < self.length && length <= self.length - first {
            prefetch_lines(self.start.wrapping_add(first), length);
        }
    }
}
