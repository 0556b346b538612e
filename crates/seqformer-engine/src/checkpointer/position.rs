//! Where a training is, as checkpoints and processes tell it.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use seqformer_checkpoint::{OWN_ENTRY, Value};

use super::wrong;
use crate::EngineError;

/// Where a training is, beyond its weights and the optimizer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    /// Iterations that are done.
    pub(crate) iterations: u64,
    /// Batches that were taken from the loader.
    pub(crate) batches: u64,
    /// Seed of all randomness.
    pub(crate) seed: u64,
    /// Steps that were left out because a loss was not a number.
    pub(crate) skipped_steps: u64,
    /// The best score of a validation, in percent.
    pub(crate) best_score: Option<f64>,
    /// The name of this score. Only the first process compares scores, so the others do not receive it.
    pub(crate) best_metric: Option<String>,
    /// The run that this is a place in: a word that no other run has.
    pub(crate) run: String,
}

impl Position {
    /// The beginning.
    pub(crate) fn new(seed: u64) -> Self {
        let run = new_run();
        Self {
            iterations: 0,
            batches: 0,
            seed,
            skipped_steps: 0,
            best_score: None,
            best_metric: None,
            run,
        }
    }

    /// The numbers in one line, for other processes.
    pub(crate) fn to_text(&self) -> String {
        let Self { iterations, batches, seed, skipped_steps, best_score, best_metric: _, run } =
            self;
        let best_score = best_score.map_or("-".to_owned(), |score| score.to_bits().to_string());
        format!("{iterations} {batches} {seed} {skipped_steps} {best_score} {run}")
    }

    /// What [`Position::to_text`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let [iterations, batches, seed, skipped_steps, best_score, run] = words[..] else {
            return None;
        };
        let best_score = match best_score {
            "-" => None,
            bits => Some(f64::from_bits(bits.parse().ok()?)),
        };
        Some(Self {
            iterations: iterations.parse().ok()?,
            batches: batches.parse().ok()?,
            seed: seed.parse().ok()?,
            skipped_steps: skipped_steps.parse().ok()?,
            best_score,
            best_metric: None,
            run: run.to_owned(),
        })
    }
}

/// A word for a run: when it began, and in which process.
fn new_run() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:016x}-{:x}", now.as_nanos() as u64, std::process::id())
}

/// The iterations of a checkpoint, and the run that wrote it.
///
/// # Errors
///
/// If the file does not say how far the training was.
pub(super) fn outline_of(tree: &Value, path: &Path) -> Result<(u64, Option<String>), EngineError> {
    let iterations = iterations_of(tree, path)?;
    Ok((iterations, run_of(tree).map(str::to_owned)))
}

/// The run that wrote a checkpoint, if it says so.
pub(super) fn run_of(tree: &Value) -> Option<&str> {
    tree.get(OWN_ENTRY)?.get("run")?.as_str()
}

fn iterations_of(tree: &Value, path: &Path) -> Result<u64, EngineError> {
    let last = tree.get("iteration").and_then(Value::as_i64);
    let last =
        last.ok_or_else(|| wrong(path, "expected a training checkpoint with `iteration`"))?;
    let iterations = last.checked_add(1).and_then(|count| u64::try_from(count).ok());
    iterations.ok_or_else(|| wrong(path, "expected a count as `iteration`, found another number"))
}

/// Where the training of a checkpoint was; for one that detectron2 wrote, as far as it says.
///
/// # Errors
///
/// If the checkpoint does not say how far the training was.
pub(crate) fn position_of(tree: &Value, path: &Path, seed: u64) -> Result<Position, EngineError> {
    let iterations = iterations_of(tree, path)?;
    let own = tree.get(OWN_ENTRY);
    let number = |key: &str| own.and_then(|own| own.get(key)).and_then(Value::as_i64);
    let saved_seed = own.and_then(|own| own.get("seed")).and_then(Value::as_str);
    Ok(Position {
        iterations,
        batches: number("batches").map_or(iterations, |batches| batches as u64),
        seed: saved_seed.and_then(|seed| seed.parse().ok()).unwrap_or(seed),
        skipped_steps: number("skipped_steps").unwrap_or(0) as u64,
        best_score: own.and_then(|own| own.get("best_score")).and_then(Value::as_f64),
        best_metric: own
            .and_then(|own| own.get("best_metric"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        // A word is a part of a line for other processes.
        run: run_of(tree)
            .filter(|run| !run.is_empty() && !run.contains(char::is_whitespace))
            .map_or_else(new_run, str::to_owned),
    })
}
