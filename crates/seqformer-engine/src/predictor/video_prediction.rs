//! The result for one video.

use seqformer::inference::Detection;
use seqformer_evaluation::TrackResult;
use seqformer_masks::ImageSize;

use crate::{EngineError, TrackMasks};

/// The result for one video.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoPrediction {
    /// Size of the frames.
    pub size: ImageSize,
    /// Number of frames.
    pub num_frames: usize,
    /// One track per selected query, best first; with clips, one per track in their order.
    pub masks: TrackMasks,
    /// The results: a query or track as an instance of a class, ordered by query or track, then class.
    pub detections: Vec<Detection>,
}

impl VideoPrediction {
    /// One of the detections as an entry of a results file.
    ///
    /// # Errors
    ///
    /// If its score is not finite.
    pub fn result(
        &self,
        detection: &Detection,
        video_id: i64,
        category_id: i64,
    ) -> Result<TrackResult, EngineError> {
        let score = detection.score;
        if !score.is_finite() {
            return Err(EngineError::Score { score });
        }
        let segmentations = self.masks.track(detection.rank).map(Some).collect();
        Ok(TrackResult { video_id, score, category_id, segmentations })
    }
}
