//! Tracks compared by the boxes around their masks.
//!
//! Reference: TrackEval, `metrics/track_map.py`, `TrackMAP._compute_bb_track_iou`, which is that of TAO.

use seqformer_annotations::Fault;
use seqformer_masks::{BoxXywh, ImageSize, IouMatrix, Rle};

use super::Pairing;
use crate::matching::Compared;
use crate::results::StoredResult;
use crate::track::average_area;
use crate::{EvaluationError, Results};

/// The box of every frame with a mask, and the size of its image.
type BoxTrack = Vec<Option<(BoxXywh, ImageSize)>>;

/// Compares every result with every annotation of one video and category.
pub(super) fn compared(
    pairing: &Pairing<'_>,
    results: &Results,
) -> Result<Compared, EvaluationError> {
    let ranked = pairing.ranked();
    let truths: Vec<BoxTrack> =
        pairing.truths.iter().map(|truth| truth.masks.masks().map(bounded).collect()).collect();
    let found: Vec<BoxTrack> =
        ranked.iter().map(|result| boxes(result, results)).collect::<Result<_, _>>()?;
    let areas = found.iter().map(|track| average_area(track.iter().copied().map(area)));
    let pairs = found.iter().flat_map(|found| truths.iter().map(move |truth| (found, truth)));
    let ious = pairs.map(|(found, truth)| iou(found, truth)).collect();
    Ok(Compared {
        scores: ranked.iter().map(|result| result.score).collect(),
        areas: areas.collect(),
        truths: pairing.matched_truths(),
        ious: IouMatrix::from_rows(found.len(), truths.len(), ious),
    })
}

fn boxes(result: &StoredResult, results: &Results) -> Result<BoxTrack, EvaluationError> {
    let decode = |(frame, stored): (usize, Option<(ImageSize, &str)>)| {
        let Some((size, text)) = stored else { return Ok(None) };
        let mask = Rle::parse_compressed(size, text).map_err(|error| {
            let fault = Fault::of_mask(&error).within(&format!("segmentations[{frame}]"));
            results.entry_error(result, fault)
        })?;
        Ok(bounded(Some(mask)))
    };
    result.masks.masks().enumerate().map(decode).collect()
}

/// Returns the box around a mask, one without extent if it has no pixels.
fn bounded(mask: Option<Rle>) -> Option<(BoxXywh, ImageSize)> {
    mask.map(|mask| (mask.bounding_box(), mask.size()))
}

fn area(of: Option<(BoxXywh, ImageSize)>) -> f64 {
    of.map_or(0.0, |(bounds, _)| bounds.width * bounds.height)
}

/// Sums intersections and unions up over frames. Like masks, boxes in images of different size say
/// nothing about each other, and frames beyond the end of the annotation do not count.
fn iou(found: &BoxTrack, truth: &BoxTrack) -> f64 {
    let (mut intersection, mut union) = (0.0, 0.0);
    for (&found, &truth) in found.iter().zip(truth) {
        let common = match (found, truth) {
            (Some((_, size)), Some((_, other))) if size != other => continue,
            (Some((found, _)), Some((truth, _))) => common_area(found, truth),
            _ => 0.0,
        };
        intersection += common;
        union += area(found) + area(truth) - common;
    }
    if union > 0.0 { intersection / union } else { 0.0 }
}

fn common_area(a: BoxXywh, b: BoxXywh) -> f64 {
    let side = |[a, a_length]: [f64; 2], [b, b_length]: [f64; 2]| {
        ((a + a_length).min(b + b_length) - a.max(b)).max(0.0)
    };
    side([a.x, a.width], [b.x, b.width]) * side([a.y, a.height], [b.y, b.height])
}
