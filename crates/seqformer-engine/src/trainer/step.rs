//! One iteration: a batch, its losses, their gradients, and the move against them.

use std::time::Instant;

use seqformer::{KeepLayers, Losses, mean_instances};
use seqformer_ops::precision::autocast;
use tch::{Kind, Tensor};

use super::Trainer;
use crate::collate::TrainClip;
use crate::{EngineError, Gradients, Metrics};

/// Steps that may be left out because a loss was not a number.
const MAX_SKIPPED: u64 = 20;

/// What a batch gave.
struct BatchResult {
    /// By the names of the reference, in its order.
    losses: Vec<(String, f64)>,
    gradients: Option<Gradients>,
}

impl Trainer {
    /// Does one iteration.
    pub(super) fn step(&mut self) -> Result<(), EngineError> {
        let iteration = self.position.iterations;
        let start = Instant::now();
        let samples = match self.loader.next() {
            Some(batch) => batch?,
            None => {
                return Err(EngineError::Unsupported(
                    "the stream of training clips has ended".to_owned(),
                ));
            }
        };
        let clips: Vec<TrainClip> =
            samples.iter().map(|sample| self.collate.clip(sample)).collect();
        drop(samples);
        let data_secs = start.elapsed().as_secs_f64();
        // All chance of an iteration follows from its number, so that a run that goes on draws the same.
        tch::manual_seed(iteration_seed(self.position.seed, iteration));
        let multiplier = self.schedule.multiplier(iteration);
        let result = self.batch(&clips)?;
        match result.gradients {
            Some(gradients) if result.losses.iter().all(|(_, value)| value.is_finite()) => {
                let gradients = match self.grad_clip {
                    Some(clip) => clip.apply(gradients)?.gradients,
                    None => gradients,
                };
                self.optimizer.step(&gradients, multiplier)?;
            }
            _ => self.skip(iteration, &result.losses, &clips)?,
        }
        self.position.iterations += 1;
        self.position.batches = self.loader.num_batches();
        let metrics = self.journal.metrics();
        metrics.begin_iteration(iteration);
        record_losses(metrics, &result.losses);
        metrics.record_unsmoothed("lr", self.config.solver.base_lr * multiplier);
        self.journal.record_times(data_secs, start.elapsed().as_secs_f64());
        Ok(())
    }

    /// The losses and gradients of a batch, a few clips at a time; they add up to those of the whole.
    fn batch(&self, clips: &[TrainClip]) -> Result<BatchResult, EngineError> {
        let all: usize = clips.iter().map(|clip| clip.target.num_instances()).sum();
        let num_boxes = (all as f64).max(1.0);
        let at_once = match self.config.solver.micro_batch_size {
            0 => clips.len(),
            size => size,
        };
        let mut sums: Vec<(String, f64)> = Vec::new();
        let mut gradients: Option<Gradients> = None;
        for part in clips.chunks(at_once.max(1)) {
            let losses = self.losses(part, num_boxes)?;
            let share = class_error_share(part, all, clips.len());
            let names: Vec<String> =
                losses.logged().iter().map(|(name, _)| (*name).to_owned()).collect();
            // One transfer for all.
            let values: Vec<&Tensor> =
                losses.logged().into_iter().map(|(_, value)| value).collect();
            let values = Tensor::stack(&values, 0).to_kind(Kind::Double);
            let values = Vec::<f64>::try_from(values.detach().to_device(tch::Device::Cpu))?;
            for (index, (name, value)) in names.into_iter().zip(values).enumerate() {
                let value = if name == "class_error" { value * share } else { value };
                match sums.get_mut(index) {
                    Some((_, sum)) => *sum += value,
                    None => sums.push((name, value)),
                }
            }
            if sums.iter().any(|(_, value)| !value.is_finite()) {
                return Ok(BatchResult { losses: sums, gradients: None });
            }
            let found = self.optimizer.gradients(&losses.total())?;
            gradients = Some(match gradients {
                Some(sum) => sum.plus(found)?,
                None => found,
            });
        }
        Ok(BatchResult { losses: sums, gradients })
    }

    fn losses(&self, part: &[TrainClip], num_boxes: f64) -> Result<Losses, EngineError> {
        let frames: Vec<Tensor> = part.iter().map(|clip| clip.frames.shallow_clone()).collect();
        let targets: Vec<_> = part.iter().map(|clip| clip.target.to_device(self.device)).collect();
        debug_assert!(
            num_boxes >= mean_instances(&targets, 1, |sum| sum),
            "a part has no more than all"
        );
        let keep = if self.config.model.seqformer.deep_supervision {
            KeepLayers::All
        } else {
            KeepLayers::Last
        };
        let forward = || self.model.forward_train(&frames, &targets, &self.matcher, keep);
        // Losses and the backward pass stay outside.
        let output = if self.config.solver.amp_enabled {
            autocast(self.device, forward)
        } else {
            forward()
        }?;
        Ok(self.criterion.forward(&output, &targets, num_boxes))
    }

    /// Leaves a step out, and gives up after too many.
    fn skip(
        &mut self,
        iteration: u64,
        losses: &[(String, f64)],
        clips: &[TrainClip],
    ) -> Result<(), EngineError> {
        self.position.skipped_steps += 1;
        let broken = losses.iter().filter(|(_, value)| !value.is_finite());
        let losses: Vec<String> = broken.map(|(name, value)| format!("{name} = {value}")).collect();
        let samples: Vec<&str> = clips.iter().map(|clip| clip.name.as_str()).collect();
        let (losses, samples) = (losses.join(", "), samples.join("; "));
        if self.position.skipped_steps >= MAX_SKIPPED {
            let skipped = self.position.skipped_steps;
            return Err(EngineError::NotFinite { iteration, skipped, losses, samples });
        }
        tracing::warn!(
            "iteration {iteration}: the step is left out because {losses}, on {samples}"
        );
        Ok(())
    }
}

/// The errors of parts are averaged by their instances, and of empty batches by their clips.
fn class_error_share(part: &[TrainClip], all_instances: usize, all_clips: usize) -> f64 {
    let instances: usize = part.iter().map(|clip| clip.target.num_instances()).sum();
    if all_instances == 0 {
        part.len() as f64 / all_clips as f64
    } else {
        instances as f64 / all_instances as f64
    }
}

/// All losses, their sum as the reference logs it (with `class_error`), and the sum that is trained.
fn record_losses(metrics: &mut Metrics, losses: &[(String, f64)]) {
    let total: f64 = losses.iter().map(|(_, value)| value).sum();
    let class_error: f64 =
        losses.iter().filter(|(name, _)| name == "class_error").map(|(_, value)| value).sum();
    metrics.record("total_loss", total);
    for (name, value) in losses {
        metrics.record(name, *value);
    }
    metrics.record("optimized_loss", total - class_error);
}

/// Mixes the seed and the iteration, so that neighbours have nothing in common.
fn iteration_seed(seed: u64, iteration: u64) -> i64 {
    let mut mixed = seed ^ iteration.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) as i64
}
