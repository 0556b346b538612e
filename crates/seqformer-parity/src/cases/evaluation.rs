//! `eval`, `eval_edge` and the evaluation of `masks_eval`: average precision and recall.

use std::path::Path;

use anyhow::{Context as _, Result};
use seqformer_evaluation::{GroundTruth, Results, STAT_NAMES, YtvisEvaluator};
use seqformer_testing::{read_json, read_npy};
use serde_json::Value;

use crate::arrays::{integer, numbers};
use crate::report::ParityReport;

/// For numbers that both sides compute in the same order.
const SAME: f64 = 1e-12;
/// For means over them.
const MEAN: f64 = 1e-9;

/// A folder of the public layout.
pub(super) fn public(folder: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = read_json(&folder.join("summary.json"))?;
    let truth = GroundTruth::read(&folder.join("gt.json"))?;
    let results = Results::read(&folder.join("results.json"))?;
    let evaluator = YtvisEvaluator::new(&truth);
    let evaluation = evaluator.evaluate(&results)?;
    let curves = evaluation.curves();
    let precision = read_npy(&folder.join("precision.npy"))?;
    report.exact("axes", usize::from(precision.shape != curves.shape()), 1);
    report.numbers("precision", &curves.precision(), &precision.values, SAME);
    let recall = read_npy(&folder.join("recall.npy"))?;
    report.numbers("recall", &curves.recall(), &recall.values, SAME);
    let found = evaluation.report();
    let stats = STAT_NAMES.map(|name| golden["stats"][name].as_f64().unwrap_or(f64::NAN));
    report.numbers("stats", &found.stats, &stats, MEAN);
    let lines = golden["summary_text"].as_array().context("there is no summary_text")?;
    let text = found.summary().to_string();
    let off = text.lines().zip(lines).filter(|(line, golden)| golden.as_str() != Some(line));
    let off = off.count() + text.lines().count().abs_diff(lines.len());
    report.exact("printed lines", off, lines.len());
    let mut ious = Vec::new();
    for (key, rows) in golden["ious"].as_object().context("there are no ious")? {
        let (video, category) = key.split_once(',').context("ious: expected video,category")?;
        ious.push((video.parse()?, category.parse()?, rows));
    }
    compare_ious(&evaluator, &results, &ious, report)
}

/// The evaluation of the formula layout.
pub(super) fn formula(folder: &Path, report: &mut ParityReport<'_>) -> Result<()> {
    let golden = &read_json(&folder.join("masks_eval.json"))?["evaluation"];
    let truth = GroundTruth::read(&folder.join("eval_gt.json"))?;
    let results = Results::read(&folder.join("eval_results.json"))?;
    let evaluator = YtvisEvaluator::new(&truth);
    let found = evaluator.evaluate(&results)?.report();
    report.numbers("stats", &found.stats, &numbers(&golden["stats"])?, MEAN);
    let per_class: Vec<f64> = found.per_class.iter().map(|class| class.stats[0]).collect();
    report.numbers("AP per class", &per_class, &numbers(&golden["ap_per_category_all"])?, MEAN);
    let cases = golden["ious_sorted_by_score"].as_array().context("there are no ious")?;
    let mut ious = Vec::new();
    for case in cases {
        ious.push((integer(&case["video"])?, integer(&case["category"])?, &case["ious"]));
    }
    compare_ious(&evaluator, &results, &ious, report)
}

/// Compares the IoU matrices of (video, category).
fn compare_ious(
    evaluator: &YtvisEvaluator<'_>,
    results: &Results,
    golden: &[(i64, i64, &Value)],
    report: &mut ParityReport<'_>,
) -> Result<()> {
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for &(video, category, rows) in golden {
        let ious = evaluator.ious(results, video, category)?;
        found.extend((0..ious.num_detections()).flat_map(|row| ious.row(row).to_vec()));
        for row in rows.as_array().context("ious: expected a list of rows")? {
            expected.extend(numbers(row)?);
        }
    }
    report.numbers("IoU", &found, &expected, SAME);
    Ok(())
}
