//! A thread on which a network lives and computes.
//!
//! Python's handler for Ctrl-C has no stack of its own, and must not run on a thread that computes: `seqformer-signals` says
//! why. All signals are blocked here, and so in the threads of OpenMP that this one starts.

use std::io;
use std::thread::{Builder, JoinHandle};

use anyhow::{Context as _, Result};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// A value that is made, used and dropped on one thread; dropping this waits for the thread.
#[derive(Debug)]
pub(crate) struct ComputeThread<T> {
    jobs: Option<Sender<Job<T>>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: 'static> ComputeThread<T> {
    /// Starts the thread and makes the value there; what `make` tells of it is sent to the receiver.
    ///
    /// # Errors
    ///
    /// If the system has no more threads.
    pub(crate) fn start<A: Send + 'static>(
        name: &str,
        make: impl FnOnce() -> Result<(T, A)> + Send + 'static,
    ) -> io::Result<(Self, Receiver<Result<A>>)> {
        let (jobs, queue) = unbounded::<Job<T>>();
        let (tell, told) = bounded(1);
        let run = move || {
            let blocked = seqformer_signals::block_in_this_thread();
            let made = blocked.context("signals cannot be blocked").and_then(|()| make());
            let mut value = match made {
                Ok((value, about)) => {
                    // An interrupted caller does not listen any more.
                    let _unheard = tell.send(Ok(about));
                    value
                }
                Err(error) => {
                    let _unheard = tell.send(Err(error));
                    return;
                }
            };
            for job in queue {
                job(&mut value);
            }
        };
        let thread = Builder::new().name(name.to_owned()).spawn(run)?;
        Ok((Self { jobs: Some(jobs), thread: Some(thread) }, told))
    }

    /// Runs the job after all earlier ones. If the thread has ended, the job is dropped, and with it the channels by which it
    /// would have answered.
    pub(crate) fn run(&self, job: impl FnOnce(&mut T) + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            let _ended = jobs.send(Box::new(job));
        }
    }
}

impl<T> ComputeThread<T> {
    /// Lets the thread end by itself, when nobody is to wait for it.
    pub(crate) fn abandon(mut self) {
        drop(self.jobs.take());
        drop(self.thread.take());
    }
}

impl<T> Drop for ComputeThread<T> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It has said why, if it failed.
            let _failed = thread.join();
        }
    }
}
