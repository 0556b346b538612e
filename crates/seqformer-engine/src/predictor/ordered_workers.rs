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
mod tests;
