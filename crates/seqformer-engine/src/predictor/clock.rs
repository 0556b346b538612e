//! Times of the stages around the network.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Sums to which several threads add.
#[derive(Debug, Default)]
pub(super) struct PipelineClock {
    pub(super) read: StageSum,
    pub(super) resize: StageSum,
    pub(super) rle: StageSum,
}

/// Times of the stages around the network since the last query.
///
/// They overlap with the network and with each other, so their sum may exceed the elapsed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PipelineTimes {
    /// Waiting for decoded frames.
    pub read: Duration,
    /// Resizing frames for the network.
    pub resize: Duration,
    /// From mask logits to run lengths, summed over all threads.
    pub rle: Duration,
}

#[derive(Debug, Default)]
pub(super) struct StageSum(AtomicU64);

impl StageSum {
    pub(super) fn time<R>(&self, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        self.0.fetch_add(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        result
    }

    fn take(&self) -> Duration {
        Duration::from_nanos(self.0.swap(0, Ordering::Relaxed))
    }
}

impl PipelineClock {
    pub(super) fn take(&self) -> PipelineTimes {
        let Self { read, resize, rle } = self;
        PipelineTimes { read: read.take(), resize: resize.take(), rle: rle.take() }
    }
}
