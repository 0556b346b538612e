//! Rows of `results.json`: the format of the YouTube-VIS server.
//!
//! Reference: VNext `seqformer/data/ytvis_eval.py`, `instances_to_coco_json_video`.

use anyhow::Result;
use seqformer::inference::Detection;
use seqformer_engine::VideoPrediction;

use crate::class_names::Class;

/// One result as JSON, formatted as in evaluations, where a score that is not finite is an error as
/// well.
pub(super) fn row(
    video_id: u64,
    detection: &Detection,
    video: &VideoPrediction,
    classes: &[Class],
) -> Result<String> {
    let category_id = classes[detection.label].id as i64;
    Ok(video.result(detection, video_id as i64, category_id)?.to_json())
}

#[cfg(test)]
mod tests {
    use seqformer_engine::TrackMasks;
    use seqformer_masks::{ImageSize, Rle};

    use super::*;

    fn row_of(score: f32) -> Result<String> {
        let size = ImageSize { height: 1, width: 2 };
        let mut masks = TrackMasks::new(size);
        // The second frame has no pixel of it.
        masks.push_frame([(0, &Rle::from_counts(size, vec![1, 1]).unwrap())]);
        masks.push_frame([]);
        let detection = Detection { rank: 0, label: 1, score };
        let video = VideoPrediction { size, num_frames: 2, masks, detections: vec![detection] };
        let class = |id| Class { id, name: String::new() };
        row(7, &detection, &video, &[class(3), class(5)])
    }

    #[test]
    fn rows_are_written_as_python_writes_them() {
        let row = |score: &str| {
            format!(
                "{{\"video_id\": 7, \"score\": {score}, \"category_id\": 5, \"segmentations\": \
                 [{{\"size\": [1, 2], \"counts\": \"11\"}}, {{\"size\": [1, 2], \"counts\": \"2\"}}]}}"
            )
        };
        for (score, expected) in [(1.0, "1.0"), (0.5, "0.5"), (1e-7, "1.0000000116860974e-07")] {
            assert_eq!(row_of(score).unwrap(), row(expected));
        }
    }

    #[test]
    fn a_score_that_is_no_number_is_never_written() {
        for score in [f32::NAN, f32::INFINITY] {
            let message = row_of(score).unwrap_err().to_string();
            assert!(message.contains("expected a number"), "{message}");
        }
    }
}
