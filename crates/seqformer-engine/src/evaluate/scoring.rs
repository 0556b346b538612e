//! Scores results against annotations.

use std::path::Path;

use seqformer_data::{AnnotatedVideos, DatasetKind, DatasetSource};
use seqformer_evaluation::{
    CocoEvaluator, CocoGroundTruth, CocoResults, GroundTruth, IouKind, Report, Results,
    YtvisEvaluator, write_archive,
};

use super::predictions::write_predictions;
use super::{Evaluated, Written};
use crate::EngineError;

/// Packs the results, and scores them if the dataset has annotations.
pub(super) fn score(
    dataset: &DatasetSource,
    records: &AnnotatedVideos,
    written: Written,
) -> Result<Evaluated, EngineError> {
    let Written { results, time } = written;
    let archive = results.with_file_name("results.zip");
    write_archive(&results, &archive)?;
    let predictions = write_predictions(&results, dataset.kind, records)?;
    let (report, box_report) = match dataset.kind {
        DatasetKind::Coco => score_images(&dataset.json, &results)?,
        DatasetKind::Ytvis => (score_videos(&dataset.json, &results)?, None),
    };
    Ok(Evaluated { results, archive, report, box_report, predictions, time })
}

fn score_videos(json: &Path, results: &Path) -> Result<Option<Report>, EngineError> {
    let truth = GroundTruth::read(json)?;
    if truth.tracks().is_empty() {
        return Ok(None);
    }
    Ok(Some(YtvisEvaluator::new(&truth).evaluate(&Results::read(results)?)?.report()))
}

/// Scores masks and boxes.
///
/// Reference: detectron2 `evaluation/coco_evaluation.py`.
fn score_images(
    json: &Path,
    results: &Path,
) -> Result<(Option<Report>, Option<Report>), EngineError> {
    let truth = CocoGroundTruth::read(json)?;
    let (mut report, mut box_report) = (None, None);
    if !truth.annotations().is_empty() {
        let found = CocoResults::read(results)?;
        let evaluator = CocoEvaluator::new(&truth);
        if truth.has(IouKind::Box) {
            box_report = Some(evaluator.evaluate(&found, IouKind::Box)?.report());
        }
        if truth.has(IouKind::Mask) {
            let found = found.without_boxes();
            report = Some(evaluator.evaluate(&found, IouKind::Mask)?.report());
        }
    }
    Ok((report, box_report))
}
