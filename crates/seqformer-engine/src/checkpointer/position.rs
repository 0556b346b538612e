//! Where a training is.

use std::time::{SystemTime, UNIX_EPOCH};

/// Where a training is, beyond its weights and the optimizer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Position {
    /// Iterations that are done.
    pub(crate) iterations: u64,
    /// Batches that were taken from the loader.
    pub(crate) batches: u64,
    /// Seed of all chance.
    pub(crate) seed: u64,
    /// Steps that were left out because a loss was not a number.
    pub(crate) skipped_steps: u64,
    /// The best score of a validation, in per cent.
    pub(crate) best_score: Option<f64>,
    /// Its name. Only the first process compares scores, so the others are not told.
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
pub(super) fn new_run() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:016x}-{:x}", now.as_nanos() as u64, std::process::id())
}
