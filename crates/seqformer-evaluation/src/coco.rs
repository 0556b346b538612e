//! COCO evaluation of a whole dataset: average precision and recall of masks or of boxes.
//!
//! Reference: pycocotools, `COCOeval` with the types `segm` and `bbox`.

mod ground_truth;
mod results;
mod writer;

use std::collections::BTreeMap;

use rayon::prelude::*;
use seqformer_annotations::{Fault, Image};
use seqformer_masks::{BoxXywh, box_iou, mask_iou};

pub use self::ground_truth::{CocoAnnotation, CocoGroundTruth};
use self::results::StoredDetection;
pub use self::results::{CocoResults, ImageResult};
pub use self::writer::{CocoDetection, CocoResultsWriter};
use crate::matching::{Compared, Truth};
use crate::other_sizes::OtherSizes;
use crate::parameters::COCO_AREA_RANGES;
use crate::precision_recall::{MAX_DETECTIONS, by_score};
use crate::{Evaluation, EvaluationError};

/// What is compared of results and annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IouKind {
    /// The pixels of their masks, `segm` in pycocotools.
    Mask,
    /// Their boxes, `bbox` in pycocotools.
    Box,
}

impl IouKind {
    /// The name of the task in detectron2 and pycocotools.
    pub const fn task(self) -> &'static str {
        match self {
            Self::Mask => "segm",
            Self::Box => "bbox",
        }
    }
}

/// Scores results by the rules of COCO.
#[derive(Debug)]
pub struct CocoEvaluator<'a> {
    truth: &'a CocoGroundTruth,
}

/// The objects to compare within one image and category.
#[derive(Debug, Clone, Default)]
struct Pairing<'a> {
    truths: Vec<&'a CocoAnnotation>,
    results: Vec<&'a StoredDetection>,
}

/// The pairings of one image by category index.
type Pairings<'a> = BTreeMap<usize, Pairing<'a>>;

/// An image with its pairings.
#[derive(Debug)]
struct ImagePairings<'a> {
    image: &'a Image,
    pairings: Pairings<'a>,
}

impl<'a> CocoEvaluator<'a> {
    /// Creates an evaluator for a dataset.
    pub fn new(truth: &'a CocoGroundTruth) -> Self {
        Self { truth }
    }

    /// Scores the masks or the boxes of results.
    ///
    /// As in the official tool, results of categories that the dataset does not have are ignored; a
    /// warning gives their number. Without any results all numbers are zero, or −1 where there is
    /// nothing to be found. Annotations without the compared property are ignored, too.
    ///
    /// Whether a result is small or large is decided by the area of its box if the first result has
    /// one, and by that of its mask otherwise, whatever is compared, as in the official tool.
    /// [`CocoResults::without_boxes`] gives the numbers that detectron2 prints for masks.
    ///
    /// # Errors
    ///
    /// A result of an image that the dataset does not have, a result without the compared property,
    /// or a damaged mask.
    pub fn evaluate(
        &self,
        results: &CocoResults,
        kind: IouKind,
    ) -> Result<Evaluation, EvaluationError> {
        let score_image = |ImagePairings { image, pairings }: ImagePairings<'_>| {
            let compare = |(category, pairing): (usize, Pairing<'_>)| {
                let compared = self.compare((image, pairing), results, kind)?;
                Ok((category, compared.matches(COCO_AREA_RANGES)))
            };
            pairings.into_iter().map(compare).collect::<Result<Vec<_>, EvaluationError>>()
        };
        let pairings = self.pair(results, kind)?;
        let images: Vec<_> = pairings.into_par_iter().map(score_image).collect();
        let mut categories = BTreeMap::new();
        for image in images {
            for (category, matches) in image? {
                categories.entry(category).or_insert_with(Vec::new).push(matches);
            }
        }
        Ok(Evaluation::new(self.truth.categories().cloned().collect(), &categories))
    }

    /// Groups annotations and results by image and category, images in the order of ids.
    fn pair<'p>(
        &'p self,
        results: &'p CocoResults,
        kind: IouKind,
    ) -> Result<Vec<ImagePairings<'p>>, EvaluationError> {
        let image_indices = self.truth.image_indices();
        let category_indices = self.truth.category_indices();
        let mut images: Vec<ImagePairings<'p>> = self
            .truth
            .images()
            .map(|image| ImagePairings { image, pairings: Pairings::new() })
            .collect();
        for annotation in self.truth.comparable(kind)? {
            let image = &mut images[image_indices[&annotation.image_id]];
            let category = category_indices[&annotation.category_id];
            image.pairings.entry(category).or_default().truths.push(annotation);
        }
        let (image_ids, category_ids) = (self.truth.image_ids(), self.truth.category_ids());
        let mut num_unknown = 0;
        let mut other_sizes = OtherSizes::default();
        for result in results.iter() {
            let image = image_ids.number(&result.image_id);
            let Some(&image) = image.and_then(|image| image_indices.get(&image)) else {
                let expected = format!("the id of an image of {}", self.truth.path().display());
                let mend = "use the annotations that the results were made for";
                let found = result.image_id.to_string();
                return Err(
                    results.entry_error(result, Fault::new("image_id", expected, found, mend))
                );
            };
            if let (Some(expected), Some(found)) = (images[image].image.size, result.mask_size())
                && kind == IouKind::Mask
            {
                other_sizes.add([expected, found], || (result.name(), "segmentation".to_owned()));
            }
            let category = category_ids.number(&result.category_id);
            match category.and_then(|category| category_indices.get(&category)) {
                Some(&category) => {
                    images[image].pairings.entry(category).or_default().results.push(result);
                }
                None => num_unknown += 1,
            }
        }
        other_sizes.warn(results.path());
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
        (image, pairing): (&Image, Pairing<'_>),
        results: &CocoResults,
        kind: IouKind,
    ) -> Result<Compared, EvaluationError> {
        let Pairing { truths, results: mut ranked } = pairing;
        ranked.sort_by(|a, b| by_score(a.score, b.score));
        ranked.truncate(MAX_DETECTIONS[MAX_DETECTIONS.len() - 1]);
        let is_crowd: Vec<bool> = truths.iter().map(|truth| truth.is_crowd).collect();
        let (areas, ious) = match kind {
            IouKind::Mask => {
                let found = all(&ranked, |result| results.mask(result, image))?;
                let masks = all(&truths, |truth| self.truth.mask(truth))?;
                let areas = ranked.iter().zip(&found);
                let areas = areas.map(|(result, mask)| results.area(result, mask));
                (areas.collect::<Result<_, _>>()?, mask_iou(&found, &masks, &is_crowd))
            }
            IouKind::Box => {
                let found = all(&ranked, |result| results.bbox(result, image))?;
                let boxes = all(&truths, |truth| self.truth.bbox(truth))?;
                let areas = found.iter().map(|found| found.area).collect();
                let found: Vec<BoxXywh> = found.into_iter().map(|found| found.bbox).collect();
                (areas, box_iou(&found, &boxes, &is_crowd))
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
