//! Loops that run on the threads of the program.

use std::fmt::Debug;
use std::ops::Range;

use crate::work_stealing::StealingIndices;

/// The thread pool of the program's tensor library.
///
/// # Safety
///
/// The ranges that one call of [`Self::parallel_for`] passes to its body are disjoint and lie in `0..count`, because
/// kernels write rows by these indices without locks. The call returns only when all of them are done.
pub unsafe trait Threads: Debug + Sync {
    /// Number of threads, at least one.
    fn num_threads(&self) -> usize;

    /// Runs `body` on ranges of at least `grain` indices that together cover `0..count`.
    fn parallel_for(&self, count: usize, grain: usize, body: &(dyn Fn(Range<usize>) + Sync));
}

/// Distributes the indices `0..count` over all threads and calls `body` once per thread with an iterator over them.
///
/// Each thread starts with a contiguous range, so that it works on adjacent memory, and steals from the others when it
/// is done, so that no thread waits long for a delayed one.
pub(crate) fn work_stealing_for(
    threads: &dyn Threads,
    count: usize,
    body: &(dyn Fn(StealingIndices<'_>) + Sync),
) {
    let left = StealingIndices::split(count, threads.num_threads());
    threads.parallel_for(left.len(), 1, &|threads| {
        for thread in threads {
            body(StealingIndices::of(&left, thread));
        }
    });
}

/// Runs `body` on blocks of `length` elements, with the index of the block and the thread's scratch made by `new`.
pub(crate) fn parallel_rows<T: Send, S>(
    threads: &dyn Threads,
    elements: &mut [T],
    length: usize,
    new: &(dyn Fn() -> S + Sync),
    body: &(dyn Fn(usize, &mut [T], &mut S) + Sync),
) {
    struct Start<T>(*mut T);
    // SAFETY: threads make disjoint slices of it.
    unsafe impl<T: Send> Sync for Start<T> {}
    let (start, count) = (Start(elements.as_mut_ptr()), elements.len());
    let start = &start;
    work_stealing_for(threads, count.div_ceil(length), &|blocks| {
        let mut scratch = new();
        for number in blocks {
            let first = number * length;
            let length = length.min(count - first);
            // SAFETY: the block lies inside the slice.
            let start = unsafe { start.0.add(first) };
            // SAFETY: as above, and no other block has a part of it.
            let block = unsafe { std::slice::from_raw_parts_mut(start, length) };
            body(number, block, &mut scratch);
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::plain::ScopedThreads;

    #[test]
    fn every_index_is_processed_once() {
        for count in [0, 1, 2, 3, 500] {
            let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            work_stealing_for(&ScopedThreads, count, &|indices| {
                for index in indices {
                    // The first half takes longer, so that the other thread steals from it.
                    if index < count / 2 {
                        std::thread::sleep(std::time::Duration::from_micros(100));
                    }
                    done[index].fetch_add(1, Ordering::Relaxed);
                }
            });
            assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1), "{count} indices");
        }
    }
}
