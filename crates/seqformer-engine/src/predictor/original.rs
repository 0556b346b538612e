//! The rule that selects results among the best pairs of query and class, as for the published numbers.
//!
//! Reference: the original SeqFormer repository, `inference.py`, `main`.

use seqformer::inference::Detection;

use crate::TrackMasks;

/// Results of a lower score have no masks.
const MIN_MASK_SCORE: f32 = 0.001;

/// Omits instances that no frame shows, and removes the masks of results with too low a score: these results are kept
/// and get an empty track.
///
// Differs: the original writes `null` for these masks; here they are empty. Both are scored alike.
pub(super) fn visible(mut detections: Vec<Detection>, masks: &mut TrackMasks) -> Vec<Detection> {
    detections.retain(|detection| masks.visible(detection.rank).next().is_some());
    let empty = masks.num_tracks();
    for detection in detections.iter_mut().filter(|detection| detection.score < MIN_MASK_SCORE) {
        detection.rank = empty;
        masks.reserve_tracks(empty + 1);
    }
    detections
}

#[cfg(test)]
mod tests;
