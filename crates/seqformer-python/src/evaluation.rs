//! Metrics of results: as JSON with the names of `seqformer score --json`, and as the tables that it prints.

use std::path::{Path, PathBuf};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use seqformer_evaluation::{
    CocoEvaluator, CocoGroundTruth, CocoResults, DatasetKind, EvaluationError, GroundTruth,
    IouKind, Report, Results, YtvisEvaluator,
};
use seqformer_metrics::{
    Bootstrap, ComparedMetric, EmptyMasks, ErrorReport, Metric, Selection, TrackMetrics, compare,
};
use serde_json::{Map, Value};

use crate::errors::data;
use crate::masks::doubles;
use crate::run;

/// A metric by its name, of `seqformer score --metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Ap,
    BoxAp,
    Tracks(Metric),
}

const ASKED: [Asked; 7] = [
    Asked::Ap,
    Asked::BoxAp,
    Asked::Tracks(Metric::Hota),
    Asked::Tracks(Metric::Mots),
    Asked::Tracks(Metric::Identity),
    Asked::Tracks(Metric::Davis),
    Asked::Tracks(Metric::Teta),
];

/// Which numbers are wanted.
#[derive(Debug, Clone)]
struct Request {
    metrics: Vec<Asked>,
    selection: Selection,
    with_errors: bool,
}

/// Numbers as JSON, and the table of each metric.
type Scored = (String, Vec<(String, String)>);

/// What was scored so far.
#[derive(Default)]
struct Scores {
    numbers: Map<String, Value>,
    tables: Vec<(String, String)>,
}

/// Scores a results file. Returns the numbers as JSON, and a table for each metric.
#[pyfunction]
#[pyo3(signature = (gt, results, metrics, *, min_score=None, empty_masks_are_absent=false, errors=false))]
#[expect(clippy::too_many_arguments, reason = "keywords of the function in Python")]
pub(crate) fn evaluate_files(
    py: Python<'_>,
    gt: PathBuf,
    results: PathBuf,
    metrics: Vec<String>,
    min_score: Option<f64>,
    empty_masks_are_absent: bool,
    errors: bool,
) -> PyResult<Scored> {
    let request = Request {
        metrics: metrics.iter().map(|name| Asked::from_name(name)).collect::<PyResult<_>>()?,
        selection: selection(min_score, empty_masks_are_absent),
        with_errors: errors,
    };
    let scores = run::read(py, move || match kind_of(&gt)? {
        DatasetKind::Ytvis => request.score_videos(&gt, &results).map_err(data),
        DatasetKind::Coco => request.score_images(&gt, &results),
    })?;
    Ok((Value::Object(scores.numbers).to_string(), scores.tables))
}

/// Compares two results files on one dataset, with differences of numbers and how sure they are.
#[pyfunction]
#[pyo3(signature = (gt, results, against, metrics, *, draws, seed, min_score=None))]
#[expect(clippy::too_many_arguments, reason = "keywords of the function in Python")]
pub(crate) fn compare_results(
    py: Python<'_>,
    gt: PathBuf,
    results: PathBuf,
    against: PathBuf,
    metrics: Vec<String>,
    draws: usize,
    seed: u64,
    min_score: Option<f64>,
) -> PyResult<Scored> {
    let compared = |name: &String| {
        Ok(match Asked::from_name(name)? {
            Asked::Ap => ComparedMetric::Ap,
            Asked::BoxAp => ComparedMetric::BoxAp,
            Asked::Tracks(metric) => ComparedMetric::Tracks(metric),
        })
    };
    let metrics: Vec<ComparedMetric> = metrics.iter().map(compared).collect::<PyResult<_>>()?;
    let bootstrap = Bootstrap { seed, num_draws: draws };
    let comparisons = run::read(py, move || {
        let truth = GroundTruth::read(&gt)?;
        let (results, against) = (Results::read(&results)?, Results::read(&against)?);
        let selection = selection(min_score, false);
        compare(&truth, [&results, &against], &metrics, selection, bootstrap)
    })?;
    let mut scores = Scores::default();
    for comparison in comparisons {
        let name = comparison.metric.name();
        scores.add(name, comparison.table(true, false).to_string(), comparison.to_json());
    }
    Ok((Value::Object(scores.numbers).to_string(), scores.tables))
}

/// Precision `[T, R, K, A, M]` and recall `[T, K, A, M]` of the official tool in doubles, the sizes of the axes, the
/// twelve numbers, and their lines.
type Curves<'py> =
    (Bound<'py, PyByteArray>, Bound<'py, PyByteArray>, [usize; 5], [f64; 12], String);

/// Scores tracks by masks as the official tool does. The axes are IoU thresholds, recall points, categories, area
/// ranges and limits on the number of results.
#[pyfunction]
pub(crate) fn precision_recall(
    py: Python<'_>,
    gt: PathBuf,
    results: PathBuf,
) -> PyResult<Curves<'_>> {
    let evaluation = run::read(py, move || {
        let truth = GroundTruth::read(&gt)?;
        YtvisEvaluator::new(&truth).evaluate(&Results::read(&results)?)
    })?;
    let curves = evaluation.curves();
    let precision = doubles(py, curves.precision().into_iter());
    let recall = doubles(py, curves.recall().into_iter());
    let report = evaluation.report();
    Ok((precision, recall, curves.shape(), report.stats, report.summary().to_string()))
}

fn kind_of(gt: &Path) -> PyResult<DatasetKind> {
    DatasetKind::of_file(gt).map_err(data)
}

fn selection(min_score: Option<f64>, empty_masks_are_absent: bool) -> Selection {
    let empty_masks =
        if empty_masks_are_absent { EmptyMasks::Absent } else { EmptyMasks::Detections };
    Selection { min_score, empty_masks }
}

impl Asked {
    fn name(self) -> &'static str {
        match self {
            Self::Ap => "ap",
            Self::BoxAp => "box-ap",
            Self::Tracks(metric) => metric.name(),
        }
    }

    fn from_name(name: &str) -> PyResult<Self> {
        ASKED.into_iter().find(|asked| asked.name() == name).ok_or_else(|| {
            let known = ASKED.map(Self::name).join(", ");
            PyValueError::new_err(format!("metrics: expected one of {known}, found {name:?}"))
        })
    }
}

impl Request {
    fn score_videos(&self, gt: &Path, results: &Path) -> Result<Scores, EvaluationError> {
        let truth = GroundTruth::read(gt)?;
        let results = Results::read(results)?;
        let asked = self.metrics.iter().filter_map(|asked| match asked {
            Asked::Tracks(metric) => Some(*metric),
            Asked::Ap | Asked::BoxAp => None,
        });
        let asked: Vec<Metric> = asked.collect();
        let reports = if asked.is_empty() {
            Vec::new()
        } else {
            TrackMetrics::evaluate(&truth, &results, &asked, self.selection)?.reports()
        };
        let evaluator = YtvisEvaluator::new(&truth);
        let mut scores = Scores::default();
        for &asked in &self.metrics {
            match asked {
                Asked::Ap => scores.add_precision(asked, &evaluator.evaluate(&results)?.report()),
                Asked::BoxAp => {
                    let report = evaluator.evaluate_boxes(&results)?.report();
                    scores.add_precision(asked, &report);
                }
                Asked::Tracks(metric) => {
                    let report = reports.iter().find(|report| report.metric == metric);
                    let Some(report) = report else { continue };
                    let table = report.table(true, false).to_string();
                    scores.add(asked.name(), table, report.to_json(true));
                }
            }
        }
        if self.with_errors {
            let errors = ErrorReport::new(&truth, &results)?;
            scores.add("errors", errors.table(true).to_string(), errors.to_json());
        }
        Ok(scores)
    }

    fn score_images(&self, gt: &Path, results: &Path) -> PyResult<Scores> {
        let only_videos = self.metrics.iter().find(|asked| matches!(asked, Asked::Tracks(_)));
        if let Some(asked) = only_videos {
            let name = asked.name();
            return Err(data(format!(
                "metrics {name:?}: expected annotations of videos, found single images"
            )));
        }
        if self.with_errors || self.selection != Selection::default() {
            return Err(data(
                "errors, min_score and empty_masks: expected annotations of videos, found single images",
            ));
        }
        let truth = CocoGroundTruth::read(gt).map_err(data)?;
        let results = CocoResults::read(results).map_err(data)?;
        let mut scores = Scores::default();
        for &asked in &self.metrics {
            let kind = if asked == Asked::BoxAp { IouKind::Box } else { IouKind::Mask };
            let evaluation = CocoEvaluator::new(&truth).evaluate(&results, kind).map_err(data)?;
            scores.add_precision(asked, &evaluation.report());
        }
        Ok(scores)
    }
}

impl Scores {
    fn add(&mut self, name: &str, table: String, numbers: Value) {
        self.numbers.insert(name.to_owned(), numbers);
        self.tables.push((name.to_owned(), table));
    }

    fn add_precision(&mut self, asked: Asked, report: &Report) {
        self.add(asked.name(), report.summary().to_string(), report.to_json());
    }
}
