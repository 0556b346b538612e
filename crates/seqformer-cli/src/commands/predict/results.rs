//! `results.json`: the format of the YouTube-VIS server.
//!
//! Reference: VNext `seqformer/data/ytvis_eval.py`, `instances_to_coco_json_video`; spaces are those of
//! Python's `json.dumps`.

use std::io::{self, Write};

use seqformer::inference::Detection;
use seqformer_engine::VideoPrediction;

use crate::class_names::Class;

/// Writes one result as JSON.
pub(super) fn write_row(
    to: &mut dyn Write,
    video_id: u64,
    detection: &Detection,
    video: &VideoPrediction,
    classes: &[Class],
) -> io::Result<()> {
    write!(
        to,
        "{{\"video_id\": {video_id}, \"score\": {}, \"category_id\": {}, \"segmentations\": [",
        f64::from(detection.score),
        classes[detection.label].id
    )?;
    for (index, mask) in video.masks.track(detection.rank).enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        // The only character of the code that JSON escapes.
        let counts = mask.to_compressed().replace('\\', "\\\\");
        let (height, width) = (mask.size().height, mask.size().width);
        write!(to, "{separator}{{\"size\": [{height}, {width}], \"counts\": \"{counts}\"}}")?;
    }
    write!(to, "]}}")
}
