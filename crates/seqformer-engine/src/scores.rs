//! The scores of the datasets of `DATASETS.TEST` by name, the requirements on them, and the score that selects the best
//! weights.
//!
//! Reference: detectron2 `evaluation/testing.py`, `flatten_results_dict` and `verify_results`; `engine/hooks.py`,
//! `BestCheckpointer`.

use seqformer_config::config::TestSection;
use seqformer_evaluation::{CLASS_PREFIX, IouKind, STAT_NAMES};

use crate::{EngineError, Evaluated};

/// What can be scored on a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestSet {
    /// Its name in `DATASETS.TEST`.
    pub name: String,
    /// Whether masks can be scored.
    pub masks: bool,
    /// Whether boxes can be scored, which is only possible on images.
    pub boxes: bool,
    /// The names of its classes, if they are already known.
    pub classes: Option<Vec<String>>,
}

/// The scores of an evaluation of all datasets, in percent.
///
/// Names are those of `metrics.json`: `segm/AP` or, with several datasets, `val/segm/AP`, prefixed with the name of the
/// dataset.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TestScores(Vec<(String, f64)>);

/// Prefix of the score names of the dataset at `index`; empty for a single dataset.
pub fn score_prefix(names: &[String], index: usize) -> String {
    prefix(names.len(), &names[index])
}

fn prefix(num_datasets: usize, name: &str) -> String {
    if num_datasets > 1 { format!("{name}/") } else { String::new() }
}

impl TestScores {
    /// Adds the scores of a dataset, if it has any.
    pub fn add(&mut self, prefix: &str, evaluated: &Evaluated) {
        for (task, report) in evaluated.reports() {
            let scores = report.scores().into_iter();
            let task = task.task();
            self.0
                .extend(scores.map(|(metric, value)| (format!("{prefix}{task}/{metric}"), value)));
        }
    }

    /// The score with this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// All names and values; NaN where the annotations have nothing to find.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

/// The requirements of `TEST` on the scores.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScoreRules {
    expected: Vec<Expected>,
    best: Option<String>,
}

/// An expected score.
#[derive(Debug, Clone, PartialEq)]
struct Expected {
    /// The task, prefixed with the dataset if there are several.
    task: String,
    metric: String,
    value: f64,
    tolerance: f64,
}

impl ScoreRules {
    /// Reads `TEST.EXPECTED_RESULTS` and `TEST.BEST_METRIC`. A task without a dataset refers to the first dataset.
    ///
    /// # Errors
    ///
    /// If they name a score that evaluations do not have.
    pub fn new(test: &TestSection, sets: &[TestSet]) -> Result<Self, EngineError> {
        let names = Names(sets);
        let mut expected = Vec::new();
        for result in &test.expected_results {
            let (task, metric) = names
                .parse(&format!("{}/{}", result.task, result.metric))
                .map_err(|why| EngineError::Unsupported(format!("TEST.EXPECTED_RESULTS: {why}")))?;
            let (value, tolerance) = (result.value, result.tolerance);
            expected.push(Expected { task, metric, value, tolerance });
        }
        let best = if test.best_metric.is_empty() {
            names.default_best()
        } else {
            let (task, metric) = names
                .parse(&test.best_metric)
                .map_err(|why| EngineError::Unsupported(format!("TEST.BEST_METRIC: {why}")))?;
            Some(format!("{task}/{metric}"))
        };
        Ok(Self { expected, best })
    }

    /// The name of the score that selects the best weights, if any dataset can be scored.
    pub fn best(&self) -> Option<&str> {
        self.best.as_deref()
    }

    /// Compares scores with the expected ones.
    ///
    /// # Errors
    ///
    /// If a score is missing or differs by more than its tolerance; the message names all such scores.
    pub fn check(&self, scores: &TestScores) -> Result<(), EngineError> {
        let wrong: Vec<String> =
            self.expected.iter().filter_map(|expected| expected.missed(scores)).collect();
        if wrong.is_empty() { Ok(()) } else { Err(EngineError::ExpectedResults(wrong.join("; "))) }
    }
}

impl Expected {
    /// The message if it is not met.
    fn missed(&self, scores: &TestScores) -> Option<String> {
        let Self { task, metric, value, tolerance } = self;
        let found = match scores.get(&format!("{task}/{metric}")) {
            // A NaN is never within the tolerance.
            Some(found) if (found - value).abs() <= *tolerance => return None,
            Some(found) if found.is_nan() => "no annotations of this kind".to_owned(),
            Some(found) => format!("{found:.4}"),
            None => "no such score".to_owned(),
        };
        Some(format!("{task}: expected {metric} {value} within {tolerance}, found {found}"))
    }
}

/// The names of the scores of these datasets.
struct Names<'a>(&'a [TestSet]);

impl Names<'_> {
    fn prefix(&self, index: usize) -> String {
        prefix(self.0.len(), &self.0[index].name)
    }

    /// The mask AP of the first dataset with scores, or its box AP if it has no mask scores.
    fn default_best(&self) -> Option<String> {
        let index = self.0.iter().position(|set| set.masks || set.boxes)?;
        let task = if self.0[index].masks { IouKind::Mask } else { IouKind::Box };
        Some(format!("{}{}/{}", self.prefix(index), task.task(), STAT_NAMES[0]))
    }

    /// Task and metric of a name, the task prefixed with its dataset if there are several; or why there is no such score.
    fn parse(&self, text: &str) -> Result<(String, String), String> {
        if self.0.is_empty() {
            return Err(format!(
                "expected a dataset in DATASETS.TEST to score, found none for {text:?}"
            ));
        }
        let mut named = self.0.iter().enumerate().filter_map(|(index, set)| {
            let rest = text.strip_prefix(&set.name)?.strip_prefix('/')?;
            Some((index, parse_task(rest)?))
        });
        // A name without a dataset refers to the first one.
        let first = || Some((0, parse_task(text)?));
        let Some((index, (task, metric))) = named.next_back().or_else(first) else {
            return Err(format!(
                "expected a task, segm or bbox (prefixed with the dataset if there are several, as in {}/segm), and \
                 one of {} or {CLASS_PREFIX}CLASS, found {text:?}",
                self.0[0].name,
                STAT_NAMES.join(", ")
            ));
        };
        let set = &self.0[index];
        let is_scored = match task {
            IouKind::Mask => set.masks,
            IouKind::Box => set.boxes,
        };
        if !is_scored {
            return Err(format!(
                "{text}: {} has no scores for this task: {}",
                set.name,
                match task {
                    IouKind::Mask => "segm needs annotations with masks",
                    IouKind::Box => "bbox needs images with annotations; videos have only segm",
                }
            ));
        }
        if let (Some(class), Some(classes)) = (metric.strip_prefix(CLASS_PREFIX), &set.classes)
            && !classes.iter().any(|known| is_class(class, known))
        {
            return Err(format!("{text}: {} has no class {class:?}", set.name));
        }
        Ok((format!("{}{}", self.prefix(index), task.task()), metric))
    }
}

/// Whether `text` is the name of a class, followed by its id in brackets if another class has the same name.
fn is_class(text: &str, class: &str) -> bool {
    text.strip_prefix(class).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

/// Task and metric of `segm/AP`.
fn parse_task(text: &str) -> Option<(IouKind, String)> {
    let (task, metric) = text.split_once('/')?;
    let task = [IouKind::Mask, IouKind::Box].into_iter().find(|known| known.task() == task)?;
    let is_known = STAT_NAMES.contains(&metric) || metric.starts_with(CLASS_PREFIX);
    is_known.then(|| (task, metric.to_owned()))
}

#[cfg(test)]
mod tests;
