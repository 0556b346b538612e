//! The factor of the learning rate as a pure function of the iteration; the rates themselves are in `OptimizerConfig`.
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
mod tests {
    use seqformer_testing::{golden_path, read_json};

    use super::*;

    fn multi_step(iters: u64, factor: f64) -> LrSchedule {
        LrSchedule {
            warmup: Warmup { iters, factor, method: WarmupMethod::Linear },
            decay: Decay::MultiStep { steps: vec![8000], gamma: 0.1 },
            max_iter: 12000,
        }
    }

    fn check(schedule: &LrSchedule, table: &[(u64, f64)]) {
        for &(iteration, expected) in table {
            let found = schedule.multiplier(iteration);
            assert!(
                (found - expected).abs() < 1e-12,
                "iteration {iteration}: {found} and {expected}"
            );
        }
    }

    #[test]
    fn steps_and_warmup_give_the_values_of_detectron2() {
        check(&multi_step(10, 1.0), &[(0, 1.0), (5, 1.0), (7999, 1.0), (8000, 0.1), (11999, 0.1)]);
        check(
            &multi_step(1000, 0.001),
            &[
                (0, 0.001),
                (1, 0.001_999),
                (500, 0.5005),
                (999, 0.999_001),
                (1000, 1.0),
                (8000, 0.1),
            ],
        );
        let constant = Warmup { iters: 1000, factor: 0.3, method: WarmupMethod::Constant };
        let schedule = LrSchedule { warmup: constant, ..multi_step(0, 1.0) };
        check(&schedule, &[(0, 0.3), (999, 0.3), (1000, 1.0)]);
        check(&multi_step(0, 0.001), &[(0, 1.0)]);
    }

    #[test]
    fn the_shipped_recipe_gives_the_rates_of_the_reference() {
        let meta = read_json(&golden_path("public/tiny_optim_meta.json")).unwrap();
        let key =
            "lr_at_iteration_base_ytvis_yaml(lr used for optimizer.step of 0-based iteration)";
        let rates = meta[key].as_object().unwrap();
        assert!(rates.len() > 10);
        for (iteration, rate) in rates {
            let found = 2e-4 * multi_step(10, 1.0).multiplier(iteration.parse().unwrap());
            assert!(
                (found - rate.as_f64().unwrap()).abs() < 1e-15,
                "iteration {iteration}: {found} and {rate}"
            );
        }
    }

    #[test]
    fn a_cosine_falls_from_the_whole_rate_to_its_end() {
        let schedule = LrSchedule { decay: Decay::Cosine { end: 0.2 }, ..multi_step(0, 1.0) };
        check(&schedule, &[(0, 1.0), (6000, 0.6), (12000, 0.2), (4000, 0.2 + 0.8 * 0.75)]);
        // The warm-up rises to where the cosine is by then.
        let schedule = LrSchedule { decay: Decay::Cosine { end: 0.0 }, ..multi_step(6000, 0.5) };
        check(&schedule, &[(0, 0.5), (3000, 0.5), (6000, 0.5)]);
        let schedule = LrSchedule { decay: Decay::Cosine { end: 0.0 }, ..multi_step(4000, 0.0) };
        check(&schedule, &[(0, 0.0), (2000, 0.375), (4000, 0.75)]);
    }
}
