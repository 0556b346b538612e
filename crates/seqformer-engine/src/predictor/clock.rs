//! How long the stages around the network took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Sums that several threads add to.
#[derive(Debug, Default)]
pub(super) struct PipelineClock {
    pub(super) read: StageSum,
    pub(super) resize: StageSum,
    pub(super) rle: StageSum,
}

/// The time of the stages around the network since it was last asked for.
///
/// They run beside the network and on several threads, so that their sum may be more than the time that
/// has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PipelineTimes {
    /// Waiting for decoded frames.
    pub read: Duration,
    /// Resizing frames for the network.
    pub resize: Duration,
    /// From mask logits to run lengths, on all threads together.
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
