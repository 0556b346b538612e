//! Several worker threads that return results in the order of their jobs.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::{Builder, Scope};

/// Jobs that a thread may have queued, besides the current one.
const JOBS_AHEAD: usize = 1;

/// Threads that take jobs in turn. Queues are bounded, and results are returned in the order of the jobs.
///
/// The threads end when this value is dropped; a scope waits for them.
#[derive(Debug)]
pub struct OrderedWorkers<J, R> {
    lanes: Vec<Lane<J, R>>,
    /// The thread that gets the next job.
    next_job: usize,
    /// Jobs whose results have not been taken.
    outstanding: usize,
}

#[derive(Debug)]
struct Lane<J, R> {
    jobs: SyncSender<J>,
    results: Receiver<R>,
}

impl<J: Send, R: Send> OrderedWorkers<J, R> {
    /// Starts `threads` threads that run `work`.
    ///
    /// # Errors
    ///
    /// If the system cannot start another thread.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        threads: NonZeroUsize,
        work: impl Fn(J) -> R + Clone + Send + 'scope,
    ) -> std::io::Result<Self>
    where
        J: 'scope,
        R: 'scope,
    {
        let lane = |index: usize| {
            let (jobs, inbox) = sync_channel::<J>(JOBS_AHEAD);
            let (outbox, results) = channel();
            let work = work.clone();
            let run = move || {
                for job in inbox {
                    // The receiver may have ended after an error.
                    if outbox.send(work(job)).is_err() {
                        return;
                    }
                }
            };
            Builder::new().name(format!("worker-{index}")).spawn_scoped(scope, run)?;
            Ok(Lane { jobs, results })
        };
        let lanes = (0..threads.get()).map(lane).collect::<std::io::Result<_>>()?;
        Ok(Self { lanes, next_job: 0, outstanding: 0 })
    }

    /// Submits the next job; if all threads are busy, waits for the oldest result and returns it.
    pub fn push(&mut self, job: J) -> Option<R> {
        let is_full = self.outstanding >= (1 + JOBS_AHEAD) * self.lanes.len();
        let oldest = if is_full { self.next() } else { None };
        let lane = &self.lanes[self.next_job];
        // A thread has ended only if it panicked, which the scope propagates.
        if lane.jobs.send(job).is_ok() {
            self.next_job = (self.next_job + 1) % self.lanes.len();
            self.outstanding += 1;
        }
        oldest
    }

    /// The oldest result, if it is available.
    pub fn try_next(&mut self) -> Option<R> {
        let lane = self.oldest()?;
        match self.lanes[lane].results.try_recv() {
            Ok(result) => {
                self.outstanding -= 1;
                Some(result)
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    /// The thread that has the oldest job.
    fn oldest(&self) -> Option<usize> {
        let lanes = self.lanes.len();
        let from_end = self.outstanding % lanes;
        (self.outstanding > 0).then_some((self.next_job + lanes - from_end) % lanes)
    }
}

/// Waits for the oldest result; `None` when no job is left.
impl<J: Send, R: Send> Iterator for OrderedWorkers<J, R> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        let lane = self.oldest()?;
        let result = self.lanes[lane].results.recv().ok();
        // Without a result, the thread panicked, which the scope propagates.
        self.outstanding = if result.is_some() { self.outstanding - 1 } else { 0 };
        result
    }
}

#[cfg(test)]
mod tests {
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
            assert_eq!(
                results,
                (0..40).map(|job| job * job).collect::<Vec<u64>>(),
                "{count} threads"
            );
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
}
