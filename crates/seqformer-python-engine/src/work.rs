//! Work on a thread of ours, while Python's thread waits for what comes of it, or for Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, never, select_biased};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use seqformer_python_logging as warnings;

use crate::failure::exception;
use crate::frames::Feed;

/// How often Python is asked whether a signal has come.
const INTERVAL: Duration = Duration::from_millis(50);

/// What comes of work: news of the kind `N` while it goes on, and in the end a result of the kind `R`.
#[derive(Debug)]
pub(crate) enum Event<N, R> {
    News(N),
    Done(R),
}

/// Work that goes on.
#[derive(Debug)]
pub(crate) struct Work<N, R> {
    events: Receiver<Result<Event<N, R>>>,
    feed: Option<Feed>,
    wants: Receiver<()>,
    stop: Arc<AtomicBool>,
}

/// What the thread that computes needs for it.
#[derive(Debug)]
pub(crate) struct Teller<N, R> {
    events: Sender<Result<Event<N, R>>>,
    /// Set when the work is to end early.
    pub(crate) stop: Arc<AtomicBool>,
}

enum Happened<N, R> {
    Event(Option<Result<Event<N, R>>>),
    Wanted(bool),
    Nothing,
}

impl<N, R> Teller<N, R> {
    /// Hands on news, when there is room for them.
    ///
    /// # Errors
    ///
    /// If nobody listens any more.
    pub(crate) fn tell(&self, news: N) -> Result<(), Abandoned> {
        self.events.send(Ok(Event::News(news))).map_err(|_closed| Abandoned)
    }

    /// Hands on the result.
    pub(crate) fn done(self, result: Result<R>) {
        let _abandoned = self.events.send(result.map(Event::Done));
    }
}

/// Nobody listens to what is found.
#[derive(Debug)]
pub(crate) struct Abandoned;

impl std::fmt::Display for Abandoned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the prediction was given up")
    }
}

impl std::error::Error for Abandoned {}

impl<N: Send, R: Send> Work<N, R> {
    /// Work that may be `ahead` pieces of news ahead of Python.
    pub(crate) fn new(ahead: usize, feed: Option<Feed>) -> (Self, Teller<N, R>) {
        let (tell, events) = bounded(ahead);
        let stop = Arc::default();
        let wants = feed.as_ref().map_or_else(never, |feed| feed.wants.clone());
        let teller = Teller { events: tell, stop: Arc::clone(&stop) };
        (Self { events, feed, wants, stop }, teller)
    }

    /// Waits for the next event, and gives the frames that are wanted meanwhile.
    ///
    /// # Errors
    ///
    /// An exception of the iterator of frames, or `KeyboardInterrupt`; the work has ended then, and so it has after its own
    /// failure.
    pub(crate) fn next(&mut self, py: Python<'_>) -> PyResult<Event<N, R>> {
        loop {
            let (events, wants) = (&self.events, &self.wants);
            // Results first: the consumer of a camera must not wait for its next frame.
            let happened = py.detach(|| {
                select_biased! {
                    recv(events) -> event => Happened::Event(event.ok()),
                    recv(wants) -> want => Happened::Wanted(want.is_ok()),
                    default(INTERVAL) => Happened::Nothing,
                }
            });
            warnings::hand_over(py)?;
            let going_on = match happened {
                Happened::Event(Some(event)) => {
                    return event.map_err(|error| exception(py, &error));
                }
                Happened::Event(None) => return Err(lost()),
                Happened::Wanted(true) => self.give(py),
                Happened::Wanted(false) => {
                    self.close_feed();
                    Ok(())
                }
                Happened::Nothing => py.check_signals(),
            };
            if let Err(error) = going_on {
                self.end(py);
                return Err(error);
            }
        }
    }

    fn give(&mut self, py: Python<'_>) -> PyResult<()> {
        let has_more = self.feed.as_ref().map_or(Ok(false), |feed| feed.give(py))?;
        if !has_more {
            self.close_feed();
        }
        Ok(())
    }

    fn close_feed(&mut self) {
        self.feed = None;
        self.wants = never();
    }

    /// Ends the work early, and waits until it has.
    pub(crate) fn end(&mut self, py: Python<'_>) {
        self.abandon();
        let events = &self.events;
        py.detach(|| events.iter().for_each(drop));
    }

    /// Ends the work early.
    pub(crate) fn abandon(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.close_feed();
    }
}

/// Waits for a result that comes without news. Ctrl-C ends the waiting at once.
///
/// # Errors
///
/// The failure, or `KeyboardInterrupt`.
pub(crate) fn wait<R: Send>(py: Python<'_>, result: &Receiver<Result<R>>) -> PyResult<R> {
    loop {
        let received = py.detach(|| result.recv_timeout(INTERVAL));
        warnings::hand_over(py)?;
        match received {
            Ok(result) => return result.map_err(|error| exception(py, &error)),
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => return Err(lost()),
        }
    }
}

fn lost() -> PyErr {
    PyRuntimeError::new_err(
        "the thread that computes has ended without a result; standard error says why",
    )
}
