//! How long the tasks of this process take.

use std::time::Instant;

use seqformer_logs::{InferenceTime, VideoTime};

/// The times of tasks, from the first on.
pub(super) struct Timed {
    start: Instant,
    videos: Vec<VideoTime>,
}

impl Timed {
    /// Begins now.
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), videos: Vec::new() }
    }

    /// Does a task.
    pub(super) fn time<R>(&mut self, task: impl FnOnce() -> R) -> R {
        let begin = self.start.elapsed();
        let done = task();
        self.videos.push(VideoTime { begin, compute: self.start.elapsed().saturating_sub(begin) });
        done
    }

    /// Sums up what this process, one of so many, has done.
    pub(super) fn finish(self, processes: usize) -> Option<InferenceTime> {
        InferenceTime::new(&self.videos, self.start.elapsed(), processes)
    }
}
