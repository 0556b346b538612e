//! Work stealing: each thread takes indices from its own range one by one, and then from the ranges of others.
//!
//! Plain atomics without libtorch, so that Miri and ThreadSanitizer can run this file by itself (`tests/threads`).
//!
//! Without stealing, a whole video in `bf16` takes 7 to 8 % longer beside another busy process on two cores; on an idle
//! machine there is no difference.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// The indices that one thread processes: its own in ascending order, then the last ones of other threads.
#[derive(Debug)]
pub(crate) struct StealingIndices<'a> {
    /// The remaining range of each thread: its start in the lower half, its end in the upper.
    left: &'a [AtomicU64],
    /// The thread that owns this iterator.
    thread: usize,
    /// Threads to steal from.
    others: Range<usize>,
}

impl<'a> StealingIndices<'a> {
    /// Splits `0..count` into one range per thread, for [`Self::of`]. There are at most `threads` ranges, and none is
    /// empty unless `count` is 0.
    ///
    /// # Panics
    ///
    /// If `count` exceeds `u32::MAX`.
    pub(crate) fn split(count: usize, threads: usize) -> Vec<AtomicU64> {
        let count = u32::try_from(count).expect("tensors have fewer rows than u32::MAX");
        let threads = u32::try_from(threads).unwrap_or(u32::MAX).min(count).max(1);
        let start = |thread: u32| u64::from(count) * u64::from(thread) / u64::from(threads);
        (0..threads).map(|thread| AtomicU64::new(start(thread + 1) << 32 | start(thread))).collect()
    }

    /// The indices for `thread`: its own range first, then what other threads have left.
    pub(crate) fn of(left: &'a [AtomicU64], thread: usize) -> Self {
        Self { left, thread, others: 0..left.len() }
    }

    /// Takes the first index of a thread's range, or the last.
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

impl Iterator for StealingIndices<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if let Some(index) = self.take_from(self.thread, true) {
            return Some(index);
        }
        while !self.others.is_empty() {
            if let Some(index) = self.take_from(self.others.start, false) {
                return Some(index);
            }
            self.others.start += 1;
        }
        None
    }
}
