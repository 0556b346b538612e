//! How long iterations take, for an estimate of a training that has not begun.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::Trainer;
use crate::EngineError;

impl Trainer {
    /// Does up to `count` iterations and returns the seconds of each, with the wait for its clips. The first is slower than
    /// those that follow. None begins after `until`, except for the first.
    ///
    /// Neither checkpoints nor logs are written, and no validation runs.
    ///
    /// # Errors
    ///
    /// As [`Self::train`].
    pub fn time_iterations(
        &mut self,
        count: usize,
        until: Instant,
    ) -> Result<Vec<f64>, EngineError> {
        let go_on = AtomicBool::new(false);
        let mut seconds = Vec::new();
        while seconds.len() < count && self.position.iterations < self.plan.max_iter() {
            let start = Instant::now();
            if !seconds.is_empty() && start >= until {
                break;
            }
            self.step(&go_on)?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        Ok(seconds)
    }
}
