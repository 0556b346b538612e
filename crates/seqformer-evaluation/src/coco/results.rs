//! Results of images in the format of the COCO evaluation server.
//!
//! Reference: pycocotools, `COCO.loadRes`.

use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{
    AnnotationError, BoxField, Dropped, Entry, Fault, Id, Ids, Image, Mask,
};
use seqformer_masks::{BoxXywh, ImageSize, Polygon, Rle};
use serde::Deserialize;
use serde_json::Value;

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

/// A result whose mask is not decoded yet.
#[derive(Debug, Clone)]
pub(super) struct StoredDetection {
    /// Its index in the list.
    index: usize,
    pub(super) image_id: Id,
    pub(super) category_id: Id,
    pub(super) score: f64,
    bbox: Option<BoxXywh>,
    mask: Option<StoredMask>,
}

/// A box, and the area that decides between small and large, which may be that of a mask.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoundBox {
    pub(super) bbox: BoxXywh,
    pub(super) area: f64,
}

#[derive(Debug, Clone)]
enum StoredMask {
    /// COCO's text form, which is decoded when it is scored.
    Compressed { size: ImageSize, counts: Box<str> },
    /// Polygons, drawn when it is scored.
    Polygons(Mask),
}

/// The usual form of a result, parsed quickly; other keys are ignored.
#[derive(Debug, Deserialize)]
struct PlainDetection {
    image_id: i64,
    category_id: i64,
    score: f64,
    bbox: Option<[f64; 4]>,
    segmentation: Option<PlainMask>,
}

#[derive(Debug, Deserialize)]
struct PlainMask {
    size: [u32; 2],
    counts: Box<str>,
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

impl StoredDetection {
    fn parse(index: usize, text: &[u8]) -> Result<Self, Fault> {
        if let Ok(plain) = serde_json::from_slice(text) {
            let PlainDetection { image_id, category_id, score, bbox, segmentation } = plain;
            let mask = segmentation.map(|PlainMask { size: [height, width], counts }| {
                StoredMask::Compressed { size: ImageSize { height, width }, counts }
            });
            let bbox = bbox.map(|[x, y, width, height]| BoxXywh { x, y, width, height });
            let [image_id, category_id] = [image_id, category_id].map(Id::Number);
            return Self { index, image_id, category_id, score, bbox, mask }.checked();
        }
        let entry = Entry::parse(text)?;
        let image_id = entry.id("image_id")?;
        let category_id = entry.id("category_id")?;
        let score = entry.number("score")?;
        let bbox = match entry.bbox("bbox") {
            BoxField::Absent => None,
            BoxField::Given(bbox) => Some(bbox),
            BoxField::Odd(found) => {
                let expected = "[x, y, width, height] of finite numbers";
                return Err(Fault::new("bbox", expected, found, "correct the box"));
            }
        };
        let mask = entry.get("segmentation").map(StoredMask::read).transpose();
        let mask = mask.map_err(|fault| fault.within("segmentation"))?.flatten();
        Self { index, image_id, category_id, score, bbox, mask }.checked()
    }

    fn checked(self) -> Result<Self, Fault> {
        if self.bbox.is_none() && self.mask.is_none() {
            let mend = "write one of them, or remove the result";
            return Err(Fault::new("bbox, segmentation", "at least one of them", "none", mend));
        }
        Ok(self)
    }

    /// Returns the size of its mask, if that does not depend on the image.
    pub(super) fn mask_size(&self) -> Option<ImageSize> {
        match self.mask {
            Some(StoredMask::Compressed { size, .. }) => Some(size),
            _ => None,
        }
    }

    /// Names the result by its index and its image.
    pub(super) fn name(&self) -> String {
        entry_name(self.index, Some(self.image_id.clone()))
    }
}

impl StoredMask {
    fn read(value: &Value) -> Result<Option<Self>, Fault> {
        if let Some(counts) = value.get("counts").and_then(Value::as_str) {
            let size = seqformer_annotations::read_size(value)?;
            return Ok(Some(Self::Compressed { size, counts: counts.into() }));
        }
        Ok(match Mask::read(value, &mut Dropped::default())? {
            Mask::Absent => None,
            Mask::Unusable => {
                let expected = "polygons of three points or more";
                return Err(Fault::new("", expected, "none", "draw the mask again"));
            }
            Mask::Runs(mask) => {
                let (size, counts) = (mask.size(), mask.to_compressed().into());
                Some(Self::Compressed { size, counts })
            }
            polygons @ Mask::Polygons(_) => Some(Self::Polygons(polygons)),
        })
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

/// Names a result by its index and its image.
fn entry_name(index: usize, image_id: Option<Id>) -> String {
    let image = image_id.map(|id| format!(" (image {id})")).unwrap_or_default();
    format!("[{index}]{image}")
}

#[cfg(test)]
mod tests;
