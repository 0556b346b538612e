//! `results.json`: the format of the YouTube-VIS server.
//!
//! Reference: VNext `seqformer/data/ytvis_eval.py`, `instances_to_coco_json_video`; spaces are those of
//! Python's `json.dumps`.

use std::fmt::Write as _;

use seqformer::inference::Detection;
use seqformer_engine::VideoPrediction;

use crate::class_names::Class;

/// One result as JSON.
pub(super) fn row(
    video_id: u64,
    detection: &Detection,
    video: &VideoPrediction,
    classes: &[Class],
) -> String {
    let mut text = format!(
        "{{\"video_id\": {video_id}, \"score\": {}, \"category_id\": {}, \"segmentations\": [",
        f64::from(detection.score),
        classes[detection.label].id
    );
    for (index, mask) in video.masks[detection.rank].iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        // The only character of the code that JSON escapes.
        let counts = mask.to_compressed().replace('\\', "\\\\");
        let (height, width) = (mask.size().height, mask.size().width);
        let _infallible =
            write!(text, "{separator}{{\"size\": [{height}, {width}], \"counts\": \"{counts}\"}}");
    }
    text.push_str("]}");
    text
}

/// All results as one JSON list.
pub(super) fn to_json(rows: &[String]) -> String {
    format!("[{}]", rows.join(", "))
}
