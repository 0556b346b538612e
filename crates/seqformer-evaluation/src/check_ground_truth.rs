//! The same check of an annotation file as scoring makes.

use std::path::Path;

use seqformer_annotations::DatasetKind;

use crate::{CocoGroundTruth, EvaluationError, GroundTruth, IouKind};

/// Reads the annotations of a dataset like scoring, so that nothing is left that scoring could
/// reject; discards the result.
///
/// A run that scores at its end calls this at its beginning.
///
/// # Errors
///
/// As [`GroundTruth::read`] and [`CocoGroundTruth::read`], and images whose masks or boxes cannot
/// be compared.
pub fn check_ground_truth(path: &Path, kind: DatasetKind) -> Result<(), EvaluationError> {
    match kind {
        DatasetKind::Ytvis => GroundTruth::read(path).map(drop),
        DatasetKind::Coco => {
            let truth = CocoGroundTruth::read(path)?;
            for iou in [IouKind::Mask, IouKind::Box] {
                if truth.has(iou) {
                    truth.check(iou)?;
                }
            }
            Ok(())
        }
    }
}
