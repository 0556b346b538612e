//! `Trainer`: the training loop.
//!
//! Reference: detectron2 `engine/train_loop.py`, `SimpleTrainer.run_step`; VNext `projects/SeqFormer/train_net.py`.

mod batch_losses;
mod checks;
mod journal;
mod setup;
mod start;
mod step;
mod timing;
mod training_memory;
mod validation;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use seqformer::SeqFormer;
use seqformer_data::Loader;
use seqformer_distributed::GradientReducer;
use seqformer_logs::MetricsRecord;
use tch::{Device, nn};

use crate::checkpointer::{Checkpointer, Position, TrainState};
use crate::collate::Collate;
use crate::model_summary::ModelSummary;
use crate::plan::TrainPlan;
use crate::{Communicator, EngineError, Optimizer, ScoreRules, TestScores};
use journal::Journal;
use step::StepEnd;

/// How a training ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrainEnd {
    /// All iterations are completed.
    Finished,
    /// It was asked to stop; a checkpoint is written, and the run can resume.
    Stopped,
}

/// Options of a training run besides its configuration.
#[derive(Debug, Clone)]
pub struct TrainerOptions {
    /// Resumes from the newest checkpoint of the output folder, if there is one.
    pub resume: bool,
    /// The device.
    pub device: Device,
    /// The configuration as YAML, for the checkpoints.
    pub config_text: String,
    /// The configuration for `config.yaml`, which other programs may read.
    pub config_file: String,
}

/// A training run.
pub struct Trainer {
    plan: TrainPlan,
    config_text: String,
    classes: Vec<String>,
    device: Device,
    variables: nn::VarStore,
    model: SeqFormer,
    optimizer: Optimizer,
    /// Reduces the gradients of several processes.
    reducer: Option<GradientReducer>,
    collate: Collate,
    loader: Loader,
    position: Position,
    checkpointer: Checkpointer,
    /// Present in the process that writes.
    journal: Option<Journal>,
    communicator: Rc<Communicator>,
    /// A description of the training data, for the log.
    about_data: Vec<String>,
    summary: ModelSummary,
    /// Requirements on the scores; empty in processes that do not score.
    rules: ScoreRules,
    /// Scores of the last validation.
    scores: TestScores,
    /// Failed evaluations, each with its reason.
    failed_evaluations: Vec<String>,
    /// Whether the user was warned that a clip has more instances than there are queries.
    has_warned_of_crowds: bool,
    // Held as long as the run lives, so that no other run writes to the folder.
    _lock: Option<seqformer_files::FolderLock>,
}

impl std::fmt::Debug for Trainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer").field("position", &self.position).finish_non_exhaustive()
    }
}

impl Trainer {
    /// Completed iterations.
    pub fn iterations(&self) -> u64 {
        self.position.iterations
    }

    /// Iterations of the whole training.
    pub fn max_iterations(&self) -> u64 {
        self.plan.max_iter()
    }

    /// A description of the training data: videos, frames, instances and classes of each dataset.
    pub fn about_data(&self) -> &[String] {
        &self.about_data
    }

    /// The parts of the network, with the sizes of their parameters.
    pub fn summary(&self) -> &ModelSummary {
        &self.summary
    }

    /// The seed of all randomness, drawn at random if the configuration has none.
    pub fn seed(&self) -> u64 {
        self.position.seed
    }

    /// Compares the scores of the last validation with `TEST.EXPECTED_RESULTS`.
    ///
    /// # Errors
    ///
    /// If a score is missing or differs by more than its tolerance.
    pub fn check_expected(&self) -> Result<(), EngineError> {
        self.rules.check(&self.scores)
    }

    /// Failed evaluations, each with its reason; training continued without them.
    pub fn failed_evaluations(&self) -> &[String] {
        &self.failed_evaluations
    }

    /// The processes that train together.
    pub fn communicator(&self) -> &Communicator {
        &self.communicator
    }

    /// Hands every record of `metrics.json` to `on_record` as well, in the process that writes.
    pub fn report_to(&mut self, on_record: impl FnMut(&MetricsRecord) + 'static) {
        if let Some(journal) = &mut self.journal {
            journal.report_to(Box::new(on_record));
        }
    }

    /// Trains until the last iteration, or until `stop` is set in any process; `on_line` receives the lines for the
    /// console. An evaluation in progress ends after the next frames.
    ///
    /// # Errors
    ///
    /// If a sample or an output file cannot be used, losses were not finite too often, or another process is gone. The
    /// last checkpoint stays intact.
    pub fn train(
        &mut self,
        stop: &Arc<AtomicBool>,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<TrainEnd, EngineError> {
        let start = Instant::now();
        let first = self.position.iterations;
        let mut trained_until = first;
        while self.position.iterations < self.plan.max_iter() {
            if self.step(stop)? == StepEnd::Stopped {
                if self.communicator.is_leader() {
                    let last = self.position.iterations.saturating_sub(1);
                    let path = self.checkpointer.save(last, &self.tree()?)?;
                    on_line(&format!(
                        "stopped; {} is written; continue with --resume",
                        path.display()
                    ));
                }
                self.communicator.barrier()?;
                return Ok(TrainEnd::Stopped);
            }
            trained_until = self.position.iterations;
            self.after_step(stop, on_line)?;
        }
        self.communicator.note(self.position.iterations, "writing the last checkpoint");
        // A run may have been killed between the checkpoint of its last iteration and this one.
        if self.communicator.is_leader()
            && (trained_until > first || !self.checkpointer.has_final())
        {
            self.checkpointer.save_final(&self.tree()?)?;
        }
        if trained_until > first {
            let secs = start.elapsed().as_secs_f64();
            let count = trained_until - first;
            on_line(&format!(
                "Overall training speed: {count} iterations in {secs:.0} s ({:.4} s / it)",
                secs / count as f64
            ));
        }
        self.communicator.barrier()?;
        Ok(TrainEnd::Finished)
    }

    /// Writes the checkpoints, validations and logs that are due.
    fn after_step(
        &mut self,
        stop: &Arc<AtomicBool>,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        let done = self.position.iterations;
        let is_last = done == self.plan.max_iter();
        if self.communicator.is_leader() && done.is_multiple_of(self.plan.checkpoint_period) {
            self.communicator.note(done - 1, "writing a checkpoint");
            self.checkpointer.save(done - 1, &self.tree()?)?;
        }
        let period = self.plan.test.eval_period;
        // The caller runs the last validation, on the final checkpoint.
        if period > 0 && done.is_multiple_of(period) && !is_last {
            self.validate_until(stop, on_line)?;
        }
        match &mut self.journal {
            Some(journal) => journal.write_if_due(done, is_last, on_line),
            None => Ok(()),
        }
    }

    fn tree(&self) -> Result<seqformer_checkpoint::Value, EngineError> {
        let state = TrainState {
            variables: &self.variables,
            optimizer: &self.optimizer,
            position: &self.position,
            lr_multiplier: self.plan.schedule.multiplier(self.position.iterations),
            config: &self.config_text,
            classes: &self.classes,
        };
        state.to_tree()
    }
}
