//! One iteration: a batch, its losses, their gradients, and the optimizer step.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use seqformer::{Losses, ModelError};
use seqformer_masks::ImageSize;
use seqformer_ops::precision::autocast;
use tch::Tensor;

use super::Trainer;
use super::batch_losses::{LossNumbers, describe_broken, is_finite, numbers, record_losses};
use super::training_memory::with_memory_for;
use crate::collate::TrainClip;
use crate::plan::TrainPlan;
use crate::{EngineError, Gradients};

/// Steps that may be skipped because a loss was not finite.
const MAX_SKIPPED: u64 = 20;

/// How an iteration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepEnd {
    /// The optimizer step is done.
    Done,
    /// Nothing was done, because a process was asked to stop.
    Stopped,
}

/// The results of a batch, over all processes.
struct BatchResult {
    /// By the names of the reference, in its order; empty if no process has named losses.
    losses: Vec<(String, f64)>,
    /// Whether the losses of all processes are finite.
    is_finite: bool,
    /// Losses of this process that are not finite.
    broken: String,
    gradients: Option<Gradients>,
}

/// What the processes know of each other's share of a batch.
struct Batch {
    is_stopped: bool,
    instances: usize,
    /// Instances that are matched with a query: all of them, unless a clip has more instances than there are queries.
    pairs: usize,
    clips: usize,
    /// Every clip fits in it.
    size: ImageSize,
    /// The time of the slowest loader.
    data_secs: f64,
}

impl Trainer {
    /// Does one iteration, unless `stop` is set in any process.
    pub(super) fn step(&mut self, stop: &AtomicBool) -> Result<StepEnd, EngineError> {
        let iteration = self.position.iterations;
        if self.communicator.world_size() == 1 && stop.load(Ordering::Relaxed) {
            return Ok(StepEnd::Stopped);
        }
        let start = Instant::now();
        self.communicator.note(iteration, "loading clips");
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
        let batch = self.announce(&clips, data_secs, stop)?;
        if batch.is_stopped {
            return Ok(StepEnd::Stopped);
        }
        // The random numbers of an iteration are derived from its index, so a resumed run draws the same ones.
        let seed = self.position.seed.wrapping_add(self.communicator.rank() as u64);
        tch::manual_seed(iteration_seed(seed, iteration));
        let multiplier = self.plan.schedule.multiplier(iteration);
        let result = with_memory_for(iteration, &clips, || self.batch(&clips, &batch))?;
        match result.gradients {
            Some(gradients) if result.is_finite => {
                with_memory_for(iteration, &clips, || {
                    let gradients = match self.plan.grad_clip {
                        Some(clip) => clip.apply(gradients)?.gradients,
                        None => gradients,
                    };
                    self.optimizer.step(&gradients, multiplier)
                })?;
            }
            _ => self.skip(iteration, &result.broken, &clips)?,
        }
        self.position.iterations += 1;
        self.position.batches = self.loader.num_batches();
        if let Some(journal) = &mut self.journal {
            let metrics = journal.metrics();
            metrics.begin_iteration(iteration);
            record_losses(metrics, &result.losses);
            metrics.record_unsmoothed("lr", self.plan.optimizer.base_lr * multiplier);
            journal.record_times(batch.data_secs, start.elapsed().as_secs_f64());
        }
        Ok(StepEnd::Done)
    }

    /// Tells the other processes about this one's share of the batch.
    fn announce(
        &mut self,
        clips: &[TrainClip],
        data_secs: f64,
        stop: &AtomicBool,
    ) -> Result<Batch, EngineError> {
        let num_queries = self.plan.num_queries();
        let instances: usize = clips.iter().map(|clip| clip.target.num_instances()).sum();
        let side = |side: fn(ImageSize) -> u32| {
            f64::from(clips.iter().map(|clip| side(clip.target.size)).max().unwrap_or(1))
        };
        let own = [
            f64::from(u8::from(stop.load(Ordering::Relaxed))),
            instances as f64,
            clips.len() as f64,
            side(|size| size.height),
            side(|size| size.width),
            data_secs,
            num_pairs(clips, num_queries) as f64,
        ];
        self.communicator.note(self.position.iterations, "synchronizing before the step");
        let rows = self.communicator.collect(&own)?;
        let sum = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>();
        let max = |column: usize| rows.iter().map(|row| row[column]).fold(0.0, f64::max);
        if sum(1) > sum(6) && !self.has_warned_of_crowds {
            self.has_warned_of_crowds = true;
            self.warn_of_crowds(clips)?;
        }
        Ok(Batch {
            is_stopped: max(0) > 0.0,
            instances: sum(1) as usize,
            pairs: sum(6) as usize,
            clips: sum(2) as usize,
            size: ImageSize { height: max(3) as u32, width: max(4) as u32 },
            data_secs: max(5),
        })
    }

    /// Reports which clips of the batch, over all processes, have more instances than there are queries.
    fn warn_of_crowds(&self, clips: &[TrainClip]) -> Result<(), EngineError> {
        let num_queries = self.plan.num_queries();
        let crowded = clips.iter().filter(|clip| clip.target.num_instances() > num_queries);
        let own: Vec<String> = crowded
            .map(|clip| format!("{} has {} instances", clip.name, clip.target.num_instances()))
            .collect();
        let mut texts = self.communicator.collect_texts(&own.join("; "))?;
        texts.retain(|text| !text.is_empty());
        if self.communicator.is_leader() {
            tracing::warn!(
                "iteration {}: {}, more than MODEL.SeqFormer.NUM_OBJECT_QUERIES {num_queries}: in each decoder layer \
                 the instances that match worst train no query; this is reported once, other \
                 clips may have too many as well",
                self.position.iterations,
                texts.join("; ")
            );
        }
        Ok(())
    }

    /// The losses and gradients of a batch, computed a few clips at a time; they add up to those of the whole batch.
    fn batch(&mut self, clips: &[TrainClip], batch: &Batch) -> Result<BatchResult, EngineError> {
        let iteration = self.position.iterations;
        let at_once = match self.plan.step.micro_batch_size {
            0 => clips.len(),
            size => size,
        };
        let mut sums: Vec<(String, f64)> = Vec::new();
        let mut gradients: Option<Gradients> = None;
        let mut pending = None;
        let parts: Vec<&[TrainClip]> = clips.chunks(at_once.max(1)).collect();
        for (number, part) in parts.iter().enumerate() {
            self.communicator.note(iteration, "forward pass");
            let losses = self.losses(part, batch)?;
            let numbers_of_part = LossNumbers::start(losses.as_ref())?;
            let share = class_error_share(part, batch, self.plan.num_queries());
            let total = losses.map(|losses| losses.total());
            let Some(reducer) = &mut self.reducer else {
                // A GPU continues with the backward pass while the losses are copied; they are nearly always finite.
                let found = match total {
                    Some(total) => Some(self.optimizer.gradients(&total)?),
                    None => None,
                };
                numbers_of_part.add_to(&mut sums, share)?;
                let Some(found) = found.filter(|_| is_finite(&sums)) else {
                    gradients = None;
                    break;
                };
                gradients = Some(match gradients {
                    Some(sum) => sum.plus(found)?,
                    None => found,
                });
                continue;
            };
            numbers_of_part.add_to(&mut sums, share)?;
            self.communicator.note(iteration, "backward pass");
            if number + 1 < parts.len() {
                if let Some(total) = total {
                    let found = self.optimizer.gradients(&total)?;
                    gradients = Some(match gradients {
                        Some(sum) => sum.plus(found)?,
                        None => found,
                    });
                }
                continue;
            }
            // The losses and gradients of the other processes arrive during the backward pass. A process whose losses
            // are not finite takes part as well, because the others cannot know about it yet.
            pending = Some(self.communicator.start_sum(&numbers(&sums))?);
            let before = gradients.take().map(|gradients| gradients.tensors);
            let found = reducer.backward(total.as_ref(), before.as_deref());
            let tensors = found.map_err(|error| self.communicator.failed(&error))?;
            gradients = Some(Gradients { tensors });
        }
        let broken = describe_broken(&sums);
        let Some(pending) = pending else {
            return Ok(BatchResult {
                is_finite: broken.is_empty(),
                losses: sums,
                broken,
                gradients,
            });
        };
        let all = self.communicator.finish_sum(pending)?;
        let is_finite = all.iter().all(|value| value.is_finite());
        for ((_, sum), value) in sums.iter_mut().zip(&all) {
            *sum = *value;
        }
        Ok(BatchResult { losses: sums, is_finite, broken, gradients })
    }

    /// The losses of some clips; `None` if predictions are no longer finite.
    fn losses(&self, part: &[TrainClip], batch: &Batch) -> Result<Option<Losses>, EngineError> {
        let frames: Vec<Tensor> = part.iter().map(|clip| clip.frames.shallow_clone()).collect();
        let targets: Vec<_> = part.iter().map(|clip| clip.target.to_device(self.device)).collect();
        let TrainPlan { matcher, criterion, step, .. } = &self.plan;
        let at_least =
            if step.pads_to_batch { batch.size } else { ImageSize { height: 1, width: 1 } };
        let forward = || {
            self.model.forward_train_padded(&frames, &targets, matcher, step.supervised, at_least)
        };
        // Losses and the backward pass stay outside.
        let output = if step.autocast { autocast(self.device, forward) } else { forward() };
        let output = match output {
            Ok(output) => output,
            Err(ModelError::Matching { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let num_boxes = (batch.instances as f64).max(1.0);
        Ok(Some(criterion.forward(&output, &targets, num_boxes)))
    }

    /// Skips a step, and fails after too many skipped steps.
    fn skip(
        &mut self,
        iteration: u64,
        broken: &str,
        clips: &[TrainClip],
    ) -> Result<(), EngineError> {
        self.position.skipped_steps += 1;
        let samples: Vec<&str> = clips.iter().map(|clip| clip.name.as_str()).collect();
        let own = if broken.is_empty() {
            String::new()
        } else {
            format!("{broken}\n{}", samples.join("; "))
        };
        let texts = self.communicator.collect_texts(&own)?;
        let mut found: Vec<(&str, &str)> =
            texts.iter().filter_map(|text| text.split_once('\n')).collect();
        // The losses are finite, but their sum is not.
        if found.is_empty() {
            found.push(("the sum over all processes", ""));
        }
        let join = |parts: Vec<&str>| parts.join("; ");
        let losses = join(found.iter().map(|(losses, _)| *losses).collect());
        let samples = join(found.iter().map(|(_, samples)| *samples).collect());
        if self.position.skipped_steps >= MAX_SKIPPED {
            let skipped = self.position.skipped_steps;
            return Err(EngineError::NotFinite { iteration, skipped, losses, samples });
        }
        if self.communicator.is_leader() {
            tracing::warn!(
                "iteration {iteration}: the step is skipped because {losses}, on {samples}"
            );
        }
        Ok(())
    }
}

/// Class errors of parts are averaged by their pairs, those of empty batches by their clips.
fn class_error_share(part: &[TrainClip], batch: &Batch, num_queries: usize) -> f64 {
    if batch.pairs == 0 {
        part.len() as f64 / batch.clips as f64
    } else {
        num_pairs(part, num_queries) as f64 / batch.pairs as f64
    }
}

/// The number of instances that are matched with a query.
fn num_pairs(clips: &[TrainClip], num_queries: usize) -> usize {
    clips.iter().map(|clip| clip.target.num_instances().min(num_queries)).sum()
}

/// Mixes the seed and the iteration, so that neighbouring iterations get unrelated seeds.
fn iteration_seed(seed: u64, iteration: u64) -> i64 {
    let mut mixed = seed ^ iteration.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) as i64
}
