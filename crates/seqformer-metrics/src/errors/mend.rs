//! AP as it would be without the errors of one kind.
//!
//! Reference: TIDE, `errors/main_errors.py`, `fix`, and `errors/error.py`, `BestGTMatch`.

use std::collections::{BTreeMap, BTreeSet};

use seqformer_evaluation::average_precision;

use super::ErrorKind;
use super::find::{Detection, FoundError, VideoErrors};

/// Returns AP at IoU 0.5 with the errors of one kind mended.
///
/// A wrong result becomes right for the objects that it is about, if these are not found and no
/// better score of the same kind is about them; otherwise it is gone. Missed objects no longer
/// count.
///
/// Differs: TIDE lets only the best error of all kinds be about an object, so that mending one kind
/// also depends on the others.
pub(super) fn mended(
    videos: &[VideoErrors],
    positives: &BTreeMap<usize, usize>,
    kind: ErrorKind,
) -> f64 {
    let mut positives = positives.clone();
    let mut detections = Vec::new();
    for video in videos {
        let errors = video.errors.iter().filter(|error| error.kind == kind);
        let mut errors: Vec<&FoundError> = errors.collect();
        let score = |error: &FoundError| error.result.map_or(0.0, |r| video.results[r].score);
        errors.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let gone: BTreeSet<usize> = errors.iter().filter_map(|error| error.result).collect();
        let kept = video.detections().enumerate().filter(|(place, _)| !gone.contains(place));
        detections.extend(kept.map(|(_, detection)| detection));
        let mut taken = BTreeSet::new();
        for error in errors {
            for &target in &error.targets {
                let truth = &video.truths[target];
                if error.result.is_none() {
                    *positives.entry(truth.category).or_default() -= 1;
                } else if !truth.is_found && taken.insert(target) {
                    let (category, score) = (truth.category, score(error));
                    detections.push(Detection { category, score, is_right: Some(true) });
                }
            }
        }
    }
    mean_ap(detections.into_iter(), &positives)
}

/// Returns the mean over classes of AP at one IoU threshold, −1 if nothing is to be found in any.
pub(super) fn mean_ap(
    detections: impl Iterator<Item = Detection>,
    positives: &BTreeMap<usize, usize>,
) -> f64 {
    let mut classes: BTreeMap<usize, Vec<Detection>> = BTreeMap::new();
    for detection in detections {
        classes.entry(detection.category).or_default().push(detection);
    }
    let ap = |(category, &num_positives): (&usize, &usize)| {
        let mut ranked = classes.get(category).cloned().unwrap_or_default();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        average_precision(ranked.iter().map(|detection| detection.is_right), num_positives)
    };
    let all: Vec<f64> = positives.iter().filter_map(ap).collect();
    if all.is_empty() { -1.0 } else { all.iter().sum::<f64>() / all.len() as f64 }
}
