//! Which of the best pairs of query and class are results, by the rule that made the published numbers.
//!
//! Reference: the original SeqFormer repository, `inference.py`, `main`.

use seqformer::inference::Detection;

use crate::TrackMasks;

/// Results of a lower score have no masks.
const MIN_MASK_SCORE: f32 = 0.001;

/// Leaves out the instances that no frame shows, and takes the masks from results of too low a score, which stay: they
/// then have an empty track of their own.
///
// Differs: the original writes `null` for these masks, and here they are empty; both are scored alike.
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
