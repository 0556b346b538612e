//! Stresses the data structures of threads under a sanitizer; a program, since under `cargo test` the files of other
//! crates would bring tests that need libtorch.
#![allow(dead_code, unreachable_pub, reason = "files of crates that use more of them")]

#[path = "../../../crates/seqformer-engine/src/predictor/ordered_workers.rs"]
mod ordered_workers;
#[path = "../../../crates/seqformer-kernels/src/work_stealing.rs"]
mod work_stealing;

use std::cell::UnsafeCell;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

use ordered_workers::OrderedWorkers;
use work_stealing::StealingIndices;

/// Interpreters are a thousand times slower.
const ROUNDS: u64 = if cfg!(miri) { 3 } else { 500 };

fn main() {
    every_index_is_processed_by_one_thread();
    results_of_ordered_workers_are_handed_over_with_their_content();
}

/// Elements that threads write without a lock, each its own, as the kernels do.
struct Rows(Vec<UnsafeCell<u32>>);

// SAFETY: only the thread that took an index writes its element, which is what is tested.
unsafe impl Sync for Rows {}

fn every_index_is_processed_by_one_thread() {
    for round in 0..ROUNDS {
        let most = if cfg!(miri) { 50 } else { 4000 };
        let count = if round % 2 == 0 { most } else { round as usize % 61 };
        let threads = 1 + round as usize % 4;
        let left = StealingIndices::split(count, threads);
        assert!(left.len() <= threads && (left.len() == threads || left.len() == count.max(1)));
        let rows = Rows((0..count).map(|_| UnsafeCell::new(0)).collect());
        let ready = AtomicUsize::new(left.len());
        std::thread::scope(|scope| {
            // Threads that start one by one would be done before the next is there.
            let ready = &ready;
            let (left, rows) = (&left, &rows);
            let take = |thread| {
                scope.spawn(move || {
                    ready.fetch_sub(1, Ordering::Relaxed);
                    while ready.load(Ordering::Relaxed) > 0 {
                        std::thread::yield_now();
                    }
                    for index in StealingIndices::of(left, thread) {
                        // SAFETY: no other thread has this index; a sanitizer reports it otherwise.
                        unsafe { *rows.0[index].get() += 1 };
                    }
                })
            };
            // Joined one by one: ThreadSanitizer does not see how a scope waits, inside the standard library.
            for thread in (0..left.len()).map(take).collect::<Vec<_>>() {
                thread.join().expect("no thread panics");
            }
        });
        let taken: Vec<u32> = rows.0.into_iter().map(UnsafeCell::into_inner).collect();
        assert_eq!(taken, vec![1; count], "{count} indices, {threads} threads");
    }
}

fn results_of_ordered_workers_are_handed_over_with_their_content() {
    for round in 0..ROUNDS / 2 + 1 {
        let threads = NonZeroUsize::new(1 + round as usize % 4).unwrap();
        let results = std::thread::scope(|scope| {
            // Boxes: the job is written by one thread, read by another, and its result goes back.
            let work = |job: Box<[u64; 8]>| Box::new(job.map(|number| number * 2));
            let mut workers = OrderedWorkers::start(scope, threads, work).unwrap();
            let mut results = Vec::new();
            for job in 0..30 {
                results.extend(workers.push(Box::new([job; 8])));
                results.extend(workers.try_next());
            }
            results.extend(&mut workers);
            results
        });
        let expected: Vec<_> = (0..30).map(|job| Box::new([job * 2; 8])).collect();
        assert_eq!(results, expected);
    }
}
