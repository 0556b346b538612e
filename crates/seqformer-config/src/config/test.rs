//! `TEST`: evaluation.

use super::read::{Reader, number};
use super::section::section;
use crate::spec::Shown::By;
use crate::spec::tests_in::TRAIN;
use crate::{ConfigError, Value};

section! {
    /// `TEST`.
    pub struct TestSection {
        best_metric: String = "TEST.BEST_METRIC" or "''", Reader::text,
            "The score that selects model_best.pth, by its name in metrics.json; empty for the AP of the first dataset \
             of DATASETS.TEST.",
            By(
                "seqformer-cli/tests/it/evaluation.rs",
                "several_test_datasets_keep_their_names_scores_and_results",
            );
        expected_results: Vec<ExpectedResult> = "TEST.EXPECTED_RESULTS" or "[]", expected_results,
            "Results that an evaluation must reach, also the one after a training: lists of task, metric, value and \
             tolerance. With several datasets, NAME/segm is a task of one of them, and segm a task of the first.",
            By(TRAIN, "validations_come_in_their_period_and_are_compared_with_what_is_expected");
        eval_period: u64 = "TEST.EVAL_PERIOD" or "0", Reader::count,
            "Iterations between two evaluations; 0 evaluates only after training.",
            By(TRAIN, "validations_come_in_their_period_and_are_compared_with_what_is_expected");
    }
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

fn expected_results(reader: &Reader<'_>, key: &str) -> Result<Vec<ExpectedResult>, ConfigError> {
    reader.list(key, "a list of [task, metric, value, tolerance]", |result| {
        match result.items()? {
            [Value::Str(task), Value::Str(metric), value, tolerance] => Some(ExpectedResult {
                task: task.clone(),
                metric: metric.clone(),
                value: number(value)?,
                tolerance: number(tolerance)?,
            }),
            _ => None,
        }
    })
}
