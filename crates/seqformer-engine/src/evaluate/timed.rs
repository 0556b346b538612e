//! Times the tasks of this process.

use std::time::Instant;

use seqformer_logs::{InferenceTime, VideoTime};

/// The times of the completed tasks.
pub(super) struct Timed {
    start: Instant,
    videos: Vec<VideoTime>,
}

impl Timed {
    /// Starts the clock.
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), videos: Vec::new() }
    }

    /// Runs and times a task.
    pub(super) fn time<R>(&mut self, task: impl FnOnce() -> R) -> R {
        let start = self.start.elapsed();
        let done = task();
        self.videos.push(VideoTime { start, compute: self.start.elapsed().saturating_sub(start) });
        done
    }

    /// Summarizes the tasks of this process, which is one of `processes`.
    pub(super) fn finish(self, processes: usize) -> Option<InferenceTime> {
        InferenceTime::new(&self.videos, self.start.elapsed(), processes)
    }
}
