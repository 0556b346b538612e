//! A prediction that hands on every frame as soon as its masks are final.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use seqformer_engine::Predictor as Network;

use crate::compute_thread::ComputeThread;
use crate::results::{FoundFrame, Frame};
use crate::work::{Event, Work};

/// As long as it is there, a predictor follows a stream and can do nothing else.
#[derive(Debug)]
pub(crate) struct Busy(Arc<AtomicBool>);

impl Busy {
    /// Nothing if the predictor follows a stream already.
    pub(crate) fn begin(is_busy: &Arc<AtomicBool>) -> Option<Self> {
        (!is_busy.swap(true, Ordering::Relaxed)).then(|| Self(Arc::clone(is_busy)))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The frames of a video, one by one.
#[pyclass(module = "seqformer._engine")]
#[derive(Debug)]
pub(crate) struct Stream {
    work: Option<(Work<FoundFrame, ()>, Busy)>,
    score_threshold: f32,
    // The thread ends with the last of those who use it.
    _thread: Arc<ComputeThread<Network>>,
}

impl Stream {
    pub(crate) fn new(
        work: (Work<FoundFrame, ()>, Busy),
        score_threshold: f32,
        thread: Arc<ComputeThread<Network>>,
    ) -> Self {
        Self { work: Some(work), score_threshold, _thread: thread }
    }
}

#[pymethods]
impl Stream {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<Frame>> {
        let Some((work, _busy)) = &mut self.work else { return Ok(None) };
        match work.next(py) {
            Ok(Event::News(found)) => Ok(Some(Frame::new(found, self.score_threshold))),
            Ok(Event::Done(_nothing)) => {
                self.work = None;
                Ok(None)
            }
            Err(error) => {
                self.work = None;
                Err(error)
            }
        }
    }

    /// Ends the prediction, and waits until it has ended.
    fn close(&mut self, py: Python<'_>) {
        if let Some((mut work, _busy)) = self.work.take() {
            work.end(py);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some((work, _busy)) = &mut self.work {
            work.abandon();
        }
        // Before the thread, which waits for room for its next frame.
        self.work = None;
    }
}
