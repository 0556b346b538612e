//! Work that is shared by the threads of the program.

use std::fmt::Debug;
use std::ops::Range;

use crate::units::Units;

/// The threads of the program's library.
///
/// # Safety
///
/// The ranges that one call of [`Self::parallel_for`] gives to its body lie in `0..count`, and no number is in two of
/// them: kernels write rows by these numbers without a lock. The call returns after the last of them is done.
pub unsafe trait Threads: Debug + Sync {
    /// How many there are, at least one.
    fn num_threads(&self) -> usize;

    /// Runs `body` over parts of `0..count`, of at least `grain` each, together all of it.
    fn parallel_for(&self, count: usize, grain: usize, body: &(dyn Fn(Range<usize>) + Sync));
}

/// Runs `body` with the pieces `0..count`: each thread has a part of them, whose neighbours lie beside each other in
/// memory, and helps the others when it is done, so that nobody waits long for one that is held up.
pub(crate) fn share_out(threads: &dyn Threads, count: usize, body: &(dyn Fn(Units<'_>) + Sync)) {
    let left = Units::split(count, threads.num_threads());
    threads.parallel_for(left.len(), 1, &|threads| {
        for thread in threads {
            body(Units::of(&left, thread));
        }
    });
}

/// Runs `body` over blocks of `length` elements, each with its number; each thread has a scratch by `new`.
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
    share_out(threads, count.div_ceil(length), &|blocks| {
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
    fn every_piece_of_work_is_done_once() {
        for count in [0, 1, 2, 3, 500] {
            let done: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
            share_out(&ScopedThreads, count, &|units| {
                for unit in units {
                    // The first half takes longer, so that the other thread helps.
                    if unit < count / 2 {
                        std::thread::sleep(std::time::Duration::from_micros(100));
                    }
                    done[unit].fetch_add(1, Ordering::Relaxed);
                }
            });
            assert!(done.iter().all(|times| times.load(Ordering::Relaxed) == 1), "{count} pieces");
        }
    }
}
