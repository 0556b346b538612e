//! Rows of `results.json`: the format of the YouTube-VIS server.
//!
//! Reference: VNext `seqformer/data/ytvis_eval.py`, `instances_to_coco_json_video`.

use anyhow::{Result, ensure};
use seqformer::inference::Detection;
use seqformer_engine::VideoPrediction;
use seqformer_evaluation::TrackResult;

use crate::class_names::Class;

/// One result as JSON, formatted as in evaluations, where a score that is not finite is an error as
/// well.
pub(super) fn row(
    video_id: u64,
    detection: &Detection,
    video: &VideoPrediction,
    classes: &[Class],
) -> Result<String> {
    ensure!(
        detection.score.is_finite(),
        "expected a number as the score of a result, found {}; check the weights (`seqformer weights inspect`)",
        detection.score
    );
    let result = TrackResult {
        video_id: video_id as i64,
        score: detection.score,
        category_id: classes[detection.label].id as i64,
        segmentations: video.masks.track(detection.rank).map(Some).collect(),
    };
    Ok(result.to_json())
}

#[cfg(test)]
mod tests;
