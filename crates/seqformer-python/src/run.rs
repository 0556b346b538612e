//! Long work: on threads of its own, while Python's thread waits for it or for Ctrl-C.
//!
//! The threads live as long as the call, so that none is there when Python forks. All signals are blocked in them: only
//! Python's own threads run its handler.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use pyo3::exceptions::PyRuntimeError;
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use rayon::ThreadPoolBuilder;
use seqformer_python_logging as warnings;

use crate::errors::IntoPython;

/// How often Python is asked whether a signal has come.
const INTERVAL: Duration = Duration::from_millis(50);

/// What a call does when Ctrl-C is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnInterrupt {
    /// It returns at once; what the work returns is thrown away.
    Return,
    /// It waits until what is being written is complete, or has been removed.
    Finish,
}

type Outcome<T> = Result<T, Box<dyn Any + Send>>;

/// Runs work that only reads.
pub(crate) fn read<T, E>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> PyResult<T>
where
    T: Send + 'static,
    E: IntoPython + Send + 'static,
{
    run(py, OnInterrupt::Return, |_stop| work())
}

/// Runs work that has to end before the call does, such as writing files; it may end early once `stop` is set.
pub(crate) fn finish<T, E>(
    py: Python<'_>,
    work: impl FnOnce(&AtomicBool) -> Result<T, E> + Send + 'static,
) -> PyResult<T>
where
    T: Send + 'static,
    E: IntoPython + Send + 'static,
{
    run(py, OnInterrupt::Finish, work)
}

fn run<T, E>(
    py: Python<'_>,
    on_interrupt: OnInterrupt,
    work: impl FnOnce(&AtomicBool) -> Result<T, E> + Send + 'static,
) -> PyResult<T>
where
    T: Send + 'static,
    E: IntoPython + Send + 'static,
{
    let no_threads = |error: &dyn std::fmt::Display| {
        PyRuntimeError::new_err(format!("threads cannot be started: {error}"))
    };
    let pool = ThreadPoolBuilder::new()
        .thread_name(|index| format!("seqformer-{index}"))
        .start_handler(|_index| {
            // The system refuses no mask that it has signals for.
            let _blocked = seqformer_signals::block_in_this_thread();
        })
        .build()
        .map_err(|error| no_threads(&error))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = bounded(1);
    let seen = Arc::clone(&stop);
    pool.spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| work(&seen)));
        // Nobody waits any more after an interrupt.
        let _unheard = sender.send(outcome);
    });
    let outcome = wait(py, &receiver, &stop, on_interrupt);
    warnings::hand_over(py)?;
    match outcome? {
        Ok(done) => done.map_err(IntoPython::into_python),
        Err(panic) => Err(PanicException::new_err(message(panic.as_ref()))),
    }
}

fn wait<T: Send>(
    py: Python<'_>,
    receiver: &Receiver<Outcome<T>>,
    stop: &AtomicBool,
    on_interrupt: OnInterrupt,
) -> PyResult<Outcome<T>> {
    let mut interrupt = None;
    loop {
        let received = py.detach(|| receiver.recv_timeout(INTERVAL));
        match received {
            Ok(outcome) => return interrupt.map_or(Ok(outcome), Err),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("a thread ended without a result"));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Err(error) = py.check_signals() {
            stop.store(true, Ordering::Relaxed);
            if on_interrupt == OnInterrupt::Return {
                return Err(error);
            }
            interrupt = Some(error);
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown").to_owned()
}
