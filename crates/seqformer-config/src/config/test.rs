//! `TEST`: evaluation.

use super::read::{Reader, number};
use crate::{ConfigError, Value};

/// `TEST`.
#[derive(Debug, Clone, PartialEq)]
pub struct TestSection {
    /// `EVAL_PERIOD` in iterations; 0 evaluates only after training.
    pub eval_period: u64,
    /// `EXPECTED_RESULTS`: results that an evaluation must reach.
    pub expected_results: Vec<ExpectedResult>,
    /// `BEST_METRIC`: the score that chooses the best weights; empty for the AP of the first dataset.
    pub best_metric: String,
}

/// One element of `TEST.EXPECTED_RESULTS`: `[task, metric, value, tolerance]`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedResult {
    /// The task, such as `segm`.
    pub task: String,
    /// The metric, such as `AP`.
    pub metric: String,
    /// The expected value.
    pub value: f64,
    /// The largest accepted distance from `value`.
    pub tolerance: f64,
}

impl TestSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            eval_period: reader.at_least("TEST.EVAL_PERIOD", 0)?,
            expected_results: reader.list(
                "TEST.EXPECTED_RESULTS",
                "a list of [task, metric, value, tolerance]",
                expected_result,
            )?,
            best_metric: reader.text("TEST.BEST_METRIC")?,
        })
    }
}

fn expected_result(value: &Value) -> Option<ExpectedResult> {
    match value.items()? {
        [Value::Str(task), Value::Str(metric), value, tolerance] => Some(ExpectedResult {
            task: task.clone(),
            metric: metric.clone(),
            value: number(value)?,
            tolerance: number(tolerance)?,
        }),
        _ => None,
    }
}
