//! The learning rate as a pure function of the iteration.
//!
//! Reference: detectron2 `solver/lr_scheduler.py`, `WarmupParamScheduler`; fvcore `common/param_scheduler.py`.

use std::f64::consts::PI;

use seqformer_config::config::WarmupMethod;

/// Absorbs rounding at the end of a phase of the schedule; part of the definition.
const EPS: f64 = 1e-6;

/// The course of the learning rate after the warm-up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decay {
    /// Multiplied by `gamma` at each of `steps`.
    MultiStep {
        /// Iterations, increasing.
        steps: Vec<u64>,
        /// Factor.
        gamma: f64,
    },
    /// Half a cosine from 1 to `end`.
    Cosine {
        /// The final factor of the learning rate.
        end: f64,
    },
}

/// The warm-up phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Warmup {
    /// Iterations.
    pub(crate) iters: u64,
    /// Factor of the learning rate at the start.
    pub(crate) factor: f64,
    /// How it rises.
    pub(crate) method: WarmupMethod,
}

/// A whole schedule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LrSchedule {
    /// The warm-up.
    pub(crate) warmup: Warmup,
    /// The phase after it.
    pub(crate) decay: Decay,
    /// Iterations of the whole training.
    pub(crate) max_iter: u64,
}

impl LrSchedule {
    /// The factor of the learning rate in iteration `iteration`, counted from 0.
    pub(crate) fn multiplier(&self, iteration: u64) -> f64 {
        let max_iter = self.max_iter.max(1) as f64;
        let progress = iteration as f64 / max_iter;
        let warmup = (self.warmup.iters as f64 / max_iter).min(1.0);
        if progress + EPS > warmup {
            return self.decayed(progress);
        }
        let start = self.warmup.factor * self.decayed(0.0);
        match self.warmup.method {
            WarmupMethod::Constant => start,
            WarmupMethod::Linear => {
                let risen = progress / warmup;
                self.decayed(warmup) * risen + start * (1.0 - risen)
            }
        }
    }

    /// The factor without warm-up, at a fraction of the whole training.
    fn decayed(&self, progress: f64) -> f64 {
        match &self.decay {
            Decay::MultiStep { steps, gamma } => {
                let iteration = ((progress + EPS) * self.max_iter as f64).floor();
                let passed = steps.iter().filter(|&&step| step as f64 <= iteration).count();
                gamma.powi(passed as i32)
            }
            Decay::Cosine { end } => end + 0.5 * (1.0 - end) * (1.0 + (PI * progress).cos()),
        }
    }
}

#[cfg(test)]
mod tests;
