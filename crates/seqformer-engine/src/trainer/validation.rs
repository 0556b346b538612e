//! The model in training on the datasets of `DATASETS.TEST`.
//!
//! Reference: detectron2 `engine/hooks.py`, `EvalHook` and `BestCheckpointer`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use seqformer::SeqFormer;
use tch::nn;

use super::Trainer;
use crate::agreement::agree;
use crate::device::out_of_memory;
use crate::evaluate::{Evaluated, EvaluationOutput, evaluate};
use crate::{EngineError, Predictor, TestScores, score_prefix};

impl Trainer {
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

    /// The last evaluation of a training, after [`Trainer::train`]. It ends early once `stop` is set.
    ///
    /// # Errors
    ///
    /// As [`Trainer::validate`]; also if an evaluation of this training failed, or the scores are not those of
    /// `TEST.EXPECTED_RESULTS`.
    pub fn evaluate_at_the_end(
        &mut self,
        stop: &Arc<AtomicBool>,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        self.validate_until(stop, on_line)?;
        let Some((last, others)) = self.failed_evaluations.split_last() else {
            // A training that misses the expected scores has failed, like an evaluation that misses them.
            return if stop.load(Ordering::Relaxed) { Ok(()) } else { self.check_expected() };
        };
        let before = match others.len() {
            0 => String::new(),
            count => format!(" ({count} before it failed as well)"),
        };
        Err(EngineError::FailedEvaluations { before, last: last.clone() })
    }

    pub(super) fn validate_until(
        &mut self,
        stop: &Arc<AtomicBool>,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        let iteration = self.position.iterations.saturating_sub(1);
        self.communicator.note(iteration, "validating");
        self.scores = TestScores::default();
        let names = self.plan.data.datasets.test.clone();
        let folders = self.plan.inference_folders();
        for (index, (name, folder)) in names.iter().zip(&folders).enumerate() {
            let evaluated = match self.evaluate_on(name, folder, stop) {
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
            match &evaluated.report {
                Some(report) => on_line(&format!("{name}:\n{}", report.summary())),
                None => on_line(&format!(
                    "{name}: {} is written; no annotations to score it against",
                    evaluated.results.display()
                )),
            }
            if let Some(boxes) = &evaluated.box_report {
                on_line(&format!("{name}, boxes:\n{}", boxes.summary()));
            }
            evaluated.detectron2_lines(name).iter().for_each(|line| on_line(line));
            self.scores.add(&score_prefix(&names, index), &evaluated);
        }
        if let Some(journal) = &mut self.journal {
            journal.record_scores(&self.scores);
        }
        self.keep_best()?;
        match &mut self.journal {
            Some(journal) if self.position.iterations == self.plan.max_iter() => {
                journal.write_final_scores()
            }
            _ => Ok(()),
        }
    }

    /// Saves the model if it has the best score so far.
    fn keep_best(&mut self) -> Result<(), EngineError> {
        let Some(metric) = self.rules.best() else { return Ok(()) };
        let Some(score) = self.scores.get(metric).filter(|score| score.is_finite()) else {
            return Ok(());
        };
        // Scores of different metrics are not compared: the run may have been resumed with another TEST.BEST_METRIC.
        let is_same = self.position.best_metric.as_deref() == Some(metric);
        if self.position.best_score.is_none_or(|best| !is_same || score > best) {
            self.position.best_score = Some(score);
            self.position.best_metric = Some(metric.to_owned());
            self.checkpointer.save_best(&self.tree()?)?;
        }
        Ok(())
    }

    fn evaluate_on(
        &self,
        name: &str,
        folder: &Path,
        stop: &Arc<AtomicBool>,
    ) -> Result<Option<Evaluated>, EngineError> {
        let iteration = self.position.iterations.saturating_sub(1);
        let dataset = self.plan.data.find(name).map_err(EngineError::from);
        let prepared = dataset.and_then(|dataset| {
            let mut predictor = out_of_memory("validation", || self.predictor())??;
            predictor.stop_on(Arc::clone(stop));
            Ok((dataset, predictor))
        });
        let (dataset, predictor) = agree(&self.communicator, prepared)?;
        let run = format!("iteration {iteration} seed {}", self.position.seed);
        // A training that was restarted has other weights at the same iteration.
        let output = EvaluationOutput { folder, run: &run, goes_on: false };
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
}
