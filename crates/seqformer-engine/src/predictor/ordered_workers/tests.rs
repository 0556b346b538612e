use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

#[test]
fn results_come_in_the_order_of_their_jobs_however_long_each_takes() {
    for count in [1, 2, 3, 5] {
        let results = std::thread::scope(|scope| {
            let work = |job: u64| {
                std::thread::sleep(Duration::from_micros(job * 7919 % 500));
                job * job
            };
            let mut workers = OrderedWorkers::start(scope, threads(count), work).unwrap();
            let mut results = Vec::new();
            for job in 0..40 {
                results.extend(workers.push(job));
                results.extend(workers.try_next());
            }
            results.extend(&mut workers);
            assert_eq!(workers.next(), None);
            // They may be used again.
            assert_eq!(workers.push(7), None);
            assert_eq!(workers.next(), Some(49));
            results
        });
        assert_eq!(results, (0..40).map(|job| job * job).collect::<Vec<u64>>(), "{count} threads");
    }
}

#[test]
fn no_more_jobs_are_taken_than_the_threads_can_hold() {
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let work = |()| done.fetch_add(1, Ordering::SeqCst);
        let mut workers = OrderedWorkers::start(scope, threads(2), work).unwrap();
        let mut given_back = 0;
        for handed_in in 1..=20 {
            given_back += workers.push(()).into_iter().count();
            assert_eq!(given_back, usize::saturating_sub(handed_in, 4));
        }
        assert_eq!(workers.count(), 4);
    });
    assert_eq!(done.load(Ordering::SeqCst), 20);
}

#[test]
fn whoever_leaves_early_leaves_no_thread_behind() {
    std::thread::scope(|scope| {
        let mut workers = OrderedWorkers::start(scope, threads(3), |job: u32| job).unwrap();
        for job in 0..4 {
            workers.push(job);
        }
    });
}
