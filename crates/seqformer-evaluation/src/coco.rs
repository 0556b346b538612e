//! COCO evaluation of a whole dataset: average precision and recall of masks or of boxes.
//!
//! Reference: pycocotools, `COCOeval` with the types `segm` and `bbox`.

mod ground_truth;
mod results;
mod writer;

use std::collections::BTreeMap;

use rayon::prelude::*;
use seqformer_masks::{BoxXywh, Rle, box_iou, mask_iou};

pub use self::ground_truth::{CocoAnnotation, CocoGroundTruth, CocoImage};
pub use self::results::CocoResults;
use self::results::StoredDetection;
pub use self::writer::{CocoDetection, CocoResultsWriter};
use crate::matching::{Compared, Truth};
use crate::precision::{COCO_AREA_RANGES, MAX_DETECTIONS, by_score};
use crate::{Evaluation, EvaluationError};

/// What is compared of results and annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IouKind {
    /// The pixels of their masks, `segm` in pycocotools.
    Mask,
    /// Their boxes, `bbox` in pycocotools.
    Box,
}

/// Scores results by the rules of COCO.
#[derive(Debug)]
pub struct CocoEvaluator<'a> {
    truth: &'a CocoGroundTruth,
}

/// What is compared within one image and category.
#[derive(Debug, Clone, Default)]
struct Pairing<'a> {
    truths: Vec<&'a CocoAnnotation>,
    results: Vec<&'a StoredDetection>,
}

/// The pairings of one image by the place of their category.
type ImagePairings<'a> = BTreeMap<usize, Pairing<'a>>;

impl<'a> CocoEvaluator<'a> {
    /// Creates an evaluator for a dataset.
    pub fn new(truth: &'a CocoGroundTruth) -> Self {
        Self { truth }
    }

    /// Scores the masks or the boxes of results.
    ///
    /// As in the official tool, results of a category that the dataset does not have are left
    /// out; a warning says how many. No results at all is a table of zeros, with −1 where there
    /// is nothing to be found.
    ///
    /// # Errors
    ///
    /// A result of an image that the dataset does not have, a result or annotation without what
    /// is to be compared, or a damaged mask.
    pub fn evaluate(
        &self,
        results: &CocoResults,
        kind: IouKind,
    ) -> Result<Evaluation, EvaluationError> {
        let score_image = |pairings: ImagePairings<'_>| {
            let compare = |(category, pairing): (usize, Pairing<'_>)| {
                let compared = self.compare(pairing, results, kind)?;
                Ok((category, compared.matches(COCO_AREA_RANGES)))
            };
            pairings.into_iter().map(compare).collect::<Result<Vec<_>, EvaluationError>>()
        };
        let images: Vec<_> = self.pair(results)?.into_par_iter().map(score_image).collect();
        let mut categories = vec![Vec::new(); self.truth.categories().len()];
        for image in images {
            for (category, matches) in image? {
                categories[category].push(matches);
            }
        }
        Ok(Evaluation::new(self.truth.categories().cloned().collect(), &categories))
    }

    /// Groups annotations and results by image and category, images in the order of ids.
    fn pair<'p>(
        &'p self,
        results: &'p CocoResults,
    ) -> Result<Vec<ImagePairings<'p>>, EvaluationError> {
        let image_indices = self.truth.image_indices();
        let category_indices = self.truth.category_indices();
        let mut images = vec![ImagePairings::new(); image_indices.len()];
        for annotation in self.truth.annotations() {
            let image = &mut images[image_indices[&annotation.image_id]];
            let category = category_indices[&annotation.category_id];
            image.entry(category).or_default().truths.push(annotation);
        }
        let mut num_unknown = 0;
        for result in results.iter() {
            let Some(&image) = image_indices.get(&result.image_id) else {
                let message = format!(
                    "image_id: expected an image of {}, found {}",
                    self.truth.path().display(),
                    result.image_id
                );
                return Err(results.entry_error(result, message));
            };
            match category_indices.get(&result.category_id) {
                Some(&category) => {
                    images[image].entry(category).or_default().results.push(result);
                }
                None => num_unknown += 1,
            }
        }
        if num_unknown > 0 {
            tracing::warn!(
                "{}: {num_unknown} results left out: their category_id is not in {}",
                results.path().display(),
                self.truth.path().display()
            );
        }
        Ok(images)
    }

    fn compare(
        &self,
        pairing: Pairing<'_>,
        results: &CocoResults,
        kind: IouKind,
    ) -> Result<Compared, EvaluationError> {
        let Pairing { truths, results: mut ranked } = pairing;
        ranked.sort_by(|a, b| by_score(a.score, b.score));
        ranked.truncate(MAX_DETECTIONS[MAX_DETECTIONS.len() - 1]);
        let is_crowd: Vec<bool> = truths.iter().map(|truth| truth.is_crowd).collect();
        let (areas, ious) = match kind {
            IouKind::Mask => {
                let found = all(&ranked, |result| results.mask(result))?;
                let masks = all(&truths, |truth| self.truth.mask(truth))?;
                // Differs: pycocotools takes the area of the box here if the results have boxes,
                // which is why they are taken out of them before they are scored with it.
                let areas: Vec<f64> = found.iter().map(|mask: &Rle| mask.area() as f64).collect();
                (areas, mask_iou(&found, &masks, &is_crowd))
            }
            IouKind::Box => {
                let found = all(&ranked, |result| results.bbox(result))?;
                let boxes = all(&truths, |truth| self.truth.bbox(truth))?;
                let area = |found: &BoxXywh| found.width * found.height;
                (found.iter().map(area).collect(), box_iou(&found, &boxes, &is_crowd))
            }
        };
        let scores = ranked.iter().map(|result| result.score).collect();
        let truth = |&CocoAnnotation { id, is_crowd, area, .. }| Truth { id, is_crowd, area };
        Ok(Compared { scores, areas, truths: truths.into_iter().map(truth).collect(), ious })
    }
}

fn all<T, U>(
    items: &[&T],
    get: impl Fn(&T) -> Result<U, EvaluationError>,
) -> Result<Vec<U>, EvaluationError> {
    items.iter().map(|item| get(item)).collect()
}

#[cfg(test)]
mod tests;
