//! `Trainer`: the training loop.
//!
//! Reference: detectron2 `engine/train_loop.py`, `SimpleTrainer.run_step`; VNext `projects/SeqFormer/train_net.py`.

mod batch_losses;
mod batches;
mod checks;
mod journal;
mod setup;
mod start;
mod step;
mod training_memory;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use seqformer::SeqFormer;
use seqformer_data::Loader;
use seqformer_distributed::GradientReducer;
use tch::{Device, nn};

use crate::agreement::agree;
use crate::checkpointer::{Checkpointer, Position, TrainState};
use crate::collate::Collate;
use crate::device::out_of_memory;
use crate::evaluate::{Evaluated, EvaluationOutput, evaluate};
use crate::plan::TrainPlan;
use crate::{Communicator, EngineError, Optimizer, Predictor, process};
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
    /// The configuration as YAML, for `config.yaml` and the checkpoints.
    pub config_text: String,
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

    /// Failed evaluations, each with its reason; training continued without them.
    pub fn failed_evaluations(&self) -> &[String] {
        &self.failed_evaluations
    }

    /// The processes that train together.
    pub fn communicator(&self) -> &Communicator {
        &self.communicator
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
        let period = self.plan.eval_period;
        // The caller runs the last validation, on the final checkpoint.
        if period > 0 && done.is_multiple_of(period) && !is_last {
            self.validate_until(stop, on_line)?;
        }
        match &mut self.journal {
            Some(journal) => journal.write_if_due(done, is_last, on_line),
            None => Ok(()),
        }
    }

    /// Evaluates the current model on the test datasets, without affecting the training.
    ///
    /// A failed evaluation is reported and kept in [`Trainer::failed_evaluations`]; it costs neither the training nor
    /// its checkpoints.
    ///
    /// # Errors
    ///
    /// If a checkpoint or a file of the run cannot be written, or another process is gone.
    pub fn validate(&mut self, on_line: &mut dyn FnMut(&str)) -> Result<(), EngineError> {
        self.validate_until(&Arc::default(), on_line)
    }

    fn validate_until(
        &mut self,
        stop: &Arc<AtomicBool>,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        let done = self.validate_all(stop, on_line);
        // The predictor has changed this setting.
        process::choose_cudnn_algorithms(self.device, self.plan.cudnn_benchmark);
        done
    }

    fn validate_all(
        &mut self,
        stop: &Arc<AtomicBool>,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        let iteration = self.position.iterations.saturating_sub(1);
        self.communicator.note(iteration, "validating");
        for name in &self.plan.data.datasets.test.clone() {
            let evaluated = match self.evaluate_on(name, stop) {
                Ok(Some(evaluated)) => evaluated,
                Ok(None) => continue,
                Err(error) if error.is_of_processes() => return Err(error),
                Err(EngineError::Interrupted) => {
                    on_line(&format!(
                        "{name}: the evaluation is skipped, because the training was stopped"
                    ));
                    continue;
                }
                Err(error) => {
                    self.note_failed_evaluation(name, iteration, &error);
                    continue;
                }
            };
            let Some(report) = evaluated.report else {
                on_line(&format!(
                    "{name}: {} is written; no annotations to score it against",
                    evaluated.results.display()
                ));
                continue;
            };
            on_line(&format!("{name}:\n{}", report.summary()));
            if let Some(boxes) = &evaluated.box_report {
                on_line(&format!("{name}, boxes:\n{}", boxes.summary()));
            }
            if let Some(journal) = &mut self.journal {
                journal.record_scores(&report);
            }
            let ap = report.stats[0];
            if self.position.best_ap.is_none_or(|best| ap > best) {
                self.position.best_ap = Some(ap);
                self.checkpointer.save_best(&self.tree()?)?;
            }
        }
        match &mut self.journal {
            Some(journal) if self.position.iterations == self.plan.max_iter() => {
                journal.write_final_scores()
            }
            _ => Ok(()),
        }
    }

    fn evaluate_on(
        &self,
        name: &str,
        stop: &Arc<AtomicBool>,
    ) -> Result<Option<Evaluated>, EngineError> {
        let iteration = self.position.iterations.saturating_sub(1);
        let prepared = self.plan.data.find(name).and_then(|dataset| {
            let mut predictor = out_of_memory("validation", || self.predictor())??;
            predictor.stop_on(Arc::clone(stop));
            Ok((dataset, predictor))
        });
        let (dataset, predictor) = agree(&self.communicator, prepared)?;
        let folder = self.plan.inference_folder(&dataset);
        let run = format!("iteration {iteration} seed {}", self.position.seed);
        // A training that was restarted has other weights at the same iteration.
        let output = EvaluationOutput { folder: &folder, run: &run, goes_on: false };
        let job = (&predictor, self.communicator.as_ref());
        evaluate(job, &dataset, output, &mut |_progress| {})
    }

    fn note_failed_evaluation(&mut self, name: &str, iteration: u64, error: &EngineError) {
        // The others report the same failure.
        if !self.communicator.is_leader() {
            return;
        }
        let what = format!("{name}, iteration {iteration}: {}", error.describe());
        tracing::error!("the evaluation failed (the training is unharmed): {what}");
        self.failed_evaluations.push(what);
    }

    /// A copy of the model for inference, which leaves the training untouched.
    fn predictor(&self) -> Result<Predictor, EngineError> {
        let mut variables = nn::VarStore::new(self.device);
        let model = SeqFormer::new(&variables.root(), self.model.config())?;
        variables.copy(&self.variables)?;
        Ok(Predictor::with_model(model, variables, self.plan.predictor.clone()))
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
