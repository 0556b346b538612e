//! Tracks compared by their masks.
//!
//! Reference: YouTube-VIS `cocoapi`, `YTVOSeval.computeIoU`.

use seqformer_annotations::Fault;
use seqformer_masks::{ImageSize, IouMatrix, MaskError, Overlap, PackedTrack, Rle};

use super::Pairing;
use crate::matching::Compared;
use crate::object_group::Presence;
use crate::track::{StoredTrack, average_area};
use crate::{EvaluationError, Results};

/// Compares every result with every annotation of one video and category.
pub(super) fn compared(
    pairing: &Pairing<'_>,
    results: &Results,
) -> Result<Compared, EvaluationError> {
    Ok(measured(pairing, results)?.0)
}

/// The same, and in which frames the results have pixels.
pub(super) fn measured(
    pairing: &Pairing<'_>,
    results: &Results,
) -> Result<(Compared, Vec<Presence>), EvaluationError> {
    let ranked = pairing.ranked();
    let masks: Vec<&PackedTrack> = pairing.truths.iter().map(|truth| &truth.masks).collect();
    let mut areas = Vec::with_capacity(ranked.len());
    let mut presences = Vec::with_capacity(ranked.len());
    let mut ious = Vec::with_capacity(ranked.len() * masks.len());
    for result in &ranked {
        let detected = Detected::new(&result.masks, &masks).map_err(|(frame, error)| {
            let fault = Fault::of_mask(&error).within(&format!("segmentations[{frame}]"));
            results.entry_error(result, fault)
        })?;
        areas.push(detected.average_area);
        presences.push(detected.presence);
        // The IoU of this benchmark treats crowds like other annotations.
        ious.extend(detected.overlaps.into_iter().map(Overlap::iou));
    }
    let compared = Compared {
        scores: ranked.iter().map(|result| result.score).collect(),
        areas,
        truths: pairing.matched_truths(),
        ious: IouMatrix::from_rows(ranked.len(), masks.len(), ious),
    };
    Ok((compared, presences))
}

/// The data of a result, from a single pass over its masks.
#[derive(Debug)]
struct Detected {
    average_area: f64,
    presence: Presence,
    /// One for each annotation.
    overlaps: Vec<Overlap>,
}

impl Detected {
    /// Compares a result with annotations; an error contains the index of its frame.
    fn new(track: &StoredTrack, truths: &[&PackedTrack]) -> Result<Self, (usize, MaskError)> {
        let mut overlaps = vec![Overlap::default(); truths.len()];
        let mut areas = Vec::new();
        let mut presence = Presence::default();
        let mut buffer = Rle::empty(ImageSize { height: 0, width: 0 });
        for (frame, stored) in track.masks().enumerate() {
            let mask = match stored {
                Some((size, text)) => {
                    buffer.read_compressed(size, text).map_err(|error| (frame, error))?;
                    let area = buffer.area();
                    areas.push(area as f64);
                    presence.add(frame, area);
                    Some(&buffer)
                }
                None => None,
            };
            for (overlap, truth) in overlaps.iter_mut().zip(truths) {
                overlap.add(truth.overlap(frame, mask));
            }
        }
        Ok(Self { average_area: average_area(areas.into_iter()), presence, overlaps })
    }
}
