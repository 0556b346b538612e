//! Results of images in the format of the COCO evaluation server.
//!
//! Reference: pycocotools, `COCO.loadRes`.

mod detection;

use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Ids, Image, Mask};
use seqformer_masks::{BoxXywh, Polygon, Rle};

use self::detection::entry_name;
pub(super) use self::detection::{StoredDetection, StoredMask};
use crate::EvaluationError;

/// Results in the order of their file, masks still in text form.
#[derive(Debug, Clone)]
pub struct CocoResults {
    path: PathBuf,
    results: Vec<StoredDetection>,
}

/// A result of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageResult {
    /// The number of its category.
    pub category_id: i64,
    /// How sure the model is.
    pub score: f64,
    /// Its pixels.
    pub mask: Rle,
}

/// A box, and the area that decides between small and large, which may be that of a mask.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundBox {
    pub(super) bbox: BoxXywh,
    pub(super) area: f64,
}

impl CocoResults {
    /// Reads a results file: a list of `image_id`, `category_id`, `score`, `bbox` and
    /// `segmentation`.
    ///
    /// `bbox` or `segmentation` may be missing. Masks stay in text form and are decoded when they
    /// are scored.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or an entry with a missing or invalid field.
    pub fn read(path: &Path) -> Result<Self, EvaluationError> {
        let mut file = JsonFile::open(path)?;
        let results = file.parse_list(|index, text| {
            StoredDetection::parse(index, text).map_err(|fault| {
                let entry = Entry::parse(text).unwrap_or_default();
                AnnotationError::wrong(path, entry_name(index, entry.id("image_id").ok()), fault)
            })
        })?;
        file.finish()?;
        Ok(Self { path: path.to_path_buf(), results })
    }

    /// Returns the file that they were read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the number of results.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Returns whether there are no results.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// Returns whether every result has its own mask.
    pub fn has_masks(&self) -> bool {
        self.results.iter().all(|result| result.mask.is_some())
    }

    /// Returns whether every result has its own box.
    pub fn has_boxes(&self) -> bool {
        self.results.iter().all(|result| result.bbox.is_some())
    }

    /// Returns the results of an image, by number of category and score with decoded masks, for whoever draws them;
    /// `image_ids` and `category_ids` are those of the annotation file.
    ///
    /// A result without a mask has that of its box, unless the first result has no box.
    ///
    /// # Errors
    ///
    /// A damaged mask; the message names the result.
    pub fn of_image(
        &self,
        image: &Image,
        image_ids: &Ids,
        category_ids: &Ids,
    ) -> Result<Vec<ImageResult>, EvaluationError> {
        let own = self.iter().filter(|result| image_ids.number(&result.image_id) == Some(image.id));
        let decode = |result: &StoredDetection| {
            let category_id = category_ids.number(&result.category_id)?;
            let mask = self.mask(result, image);
            Some(mask.map(|mask| ImageResult { category_id, score: result.score, mask }))
        };
        own.filter_map(decode).collect()
    }

    /// Removes the boxes, so that masks are sorted into small, medium and large by their own area.
    ///
    /// pycocotools uses the area of the box if results have one, so detectron2 removes the boxes
    /// before it scores masks.
    ///
    /// Reference: detectron2 `evaluation/coco_evaluation.py`, `_evaluate_predictions_on_coco`.
    #[must_use]
    pub fn without_boxes(mut self) -> Self {
        for result in &mut self.results {
            result.bbox = None;
        }
        self
    }

    /// Returns whether areas are those of boxes, that is, whether the first result has a box.
    pub(super) fn has_box_areas(&self) -> bool {
        self.results.first().is_some_and(|first| first.bbox.is_some())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &StoredDetection> {
        self.results.iter()
    }

    /// Decodes the mask of a result of this file. If areas are those of boxes, a result without a
    /// mask has that of its box.
    pub(super) fn mask(
        &self,
        result: &StoredDetection,
        image: &Image,
    ) -> Result<Rle, EvaluationError> {
        let drawn = match (&result.mask, result.bbox) {
            (Some(StoredMask::Compressed { size, counts }), _) => {
                return Rle::parse_compressed(*size, counts).map_err(|error| {
                    self.entry_error(result, Fault::of_mask(&error).within("segmentation"))
                });
            }
            (Some(StoredMask::Polygons(mask)), _) => mask.draw(image.size),
            (None, Some(bbox)) if self.has_box_areas() => {
                box_polygon(bbox).and_then(|mask| mask.draw(image.size))
            }
            (None, _) => Ok(None),
        };
        let drawn =
            drawn.map_err(|fault| self.entry_error(result, fault.within("segmentation")))?;
        drawn.ok_or_else(|| {
            let expected = "run lengths or polygons, to score masks";
            let mend = "add the mask, or score boxes (--iou box)";
            self.entry_error(result, Fault::new("segmentation", expected, "none", mend))
        })
    }

    /// Returns the box of a result of this file. If areas are those of masks, a result without a
    /// box has that of its mask.
    pub(super) fn bbox(
        &self,
        result: &StoredDetection,
        image: &Image,
    ) -> Result<FoundBox, EvaluationError> {
        if self.has_box_areas() {
            let bbox = result.bbox.ok_or_else(|| self.missing_box(result))?;
            return Ok(FoundBox { bbox, area: bbox.width * bbox.height });
        }
        let mask = self.mask(result, image)?;
        let bbox = result.bbox.unwrap_or_else(|| mask.bounding_box());
        Ok(FoundBox { bbox, area: mask.area() as f64 })
    }

    /// Returns the area that decides whether a result of this file, given with its mask, is small
    /// or large.
    ///
    /// Reference: pycocotools, `COCO.loadRes`: the first result decides for all.
    pub(super) fn area(
        &self,
        result: &StoredDetection,
        mask: &Rle,
    ) -> Result<f64, EvaluationError> {
        if !self.has_box_areas() {
            return Ok(mask.area() as f64);
        }
        let bbox = result.bbox.ok_or_else(|| self.missing_box(result))?;
        Ok(bbox.width * bbox.height)
    }

    fn missing_box(&self, result: &StoredDetection) -> EvaluationError {
        let expected = "[x, y, width, height], as the first result has";
        let mend = "write a box for all results, or for none";
        self.entry_error(result, Fault::new("bbox", expected, "none", mend))
    }

    pub(super) fn entry_error(&self, result: &StoredDetection, fault: Fault) -> EvaluationError {
        let entry = entry_name(result.index, Some(result.image_id.clone()));
        AnnotationError::wrong(&self.path, entry, fault).into()
    }
}

/// The four corners of a box, in the order of pycocotools.
fn box_polygon(bbox: BoxXywh) -> Result<Mask, Fault> {
    let BoxXywh { x, y, width, height } = bbox;
    let (right, bottom) = (x + width, y + height);
    Polygon::from_xy(&[x, y, x, bottom, right, bottom, right, y])
        .map(|polygon| Mask::Polygons([polygon].into()))
        .map_err(|error| Fault::of_mask(&error))
}

#[cfg(test)]
mod tests;
