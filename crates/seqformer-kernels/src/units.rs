//! Pieces of work that threads take one by one, and from each other.
//!
//! Plain atomics without libtorch, so that Miri and ThreadSanitizer can run it by itself (`tests/threads`).

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pieces of work that a thread takes one by one: its own in their order, then the last ones of others.
#[derive(Debug)]
pub(crate) struct Units<'a> {
    /// What is left of each thread's pieces: the first in the lower half, the end in the upper.
    left: &'a [AtomicU64],
    /// Whose pieces are taken.
    thread: usize,
    others: Range<usize>,
}

impl<'a> Units<'a> {
    /// Divides the pieces `0..count` among at most `threads` threads, none of which is without a piece if
    /// there is one; the parts of all threads together, for [`Self::of`].
    ///
    /// # Panics
    ///
    /// Above `u32::MAX` pieces.
    pub(crate) fn split(count: usize, threads: usize) -> Vec<AtomicU64> {
        let count = u32::try_from(count).expect("pieces of work are no more than rows of a tensor");
        let threads = u32::try_from(threads).unwrap_or(u32::MAX).min(count).max(1);
        let start = |thread: u32| u64::from(count) * u64::from(thread) / u64::from(threads);
        (0..threads).map(|thread| AtomicU64::new(start(thread + 1) << 32 | start(thread))).collect()
    }

    /// The pieces for `thread`: its own first, then what others have left.
    pub(crate) fn of(left: &'a [AtomicU64], thread: usize) -> Self {
        Self { left, thread, others: 0..left.len() }
    }

    /// Takes the first piece of `thread`, or the last.
    fn take_from(&self, thread: usize, first: bool) -> Option<usize> {
        let step = |left: u64| {
            let (begin, end) = (left as u32, (left >> 32) as u32);
            (begin < end).then(|| {
                let (begin, end) = if first { (begin + 1, end) } else { (begin, end - 1) };
                u64::from(end) << 32 | u64::from(begin)
            })
        };
        let left =
            self.left[thread].fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).ok()?;
        Some(if first { left as u32 as usize } else { (left >> 32) as usize - 1 })
    }
}

impl Iterator for Units<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if let Some(unit) = self.take_from(self.thread, true) {
            return Some(unit);
        }
        while !self.others.is_empty() {
            if let Some(unit) = self.take_from(self.others.start, false) {
                return Some(unit);
            }
            self.others.start += 1;
        }
        None
    }
}
