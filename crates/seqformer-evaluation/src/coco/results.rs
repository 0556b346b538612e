//! What was found in images: results as the COCO evaluation server takes them.
//!
//! Reference: pycocotools, `COCO.loadRes`.

use std::path::{Path, PathBuf};

use seqformer_masks::{BoxXywh, ImageSize, MaskError, Rle};
use serde::Deserialize;

use crate::EvaluationError;
use crate::json::{JsonFile, find_id, parse_element};

/// Results in the order of their file, masks still in text form.
#[derive(Debug, Clone)]
pub struct CocoResults {
    path: PathBuf,
    results: Vec<StoredDetection>,
}

/// A result whose mask is not decoded yet.
#[derive(Debug, Clone)]
pub(super) struct StoredDetection {
    /// Its place in the list.
    index: usize,
    pub(super) image_id: i64,
    pub(super) category_id: i64,
    pub(super) score: f64,
    bbox: Option<BoxXywh>,
    mask: Option<StoredMask>,
}

/// A mask in COCO's text form, which is looked into when it is scored.
#[derive(Debug, Clone, Deserialize)]
#[serde(expecting = "run lengths in the compressed form or null")]
struct StoredMask {
    /// Height and width.
    size: [u32; 2],
    counts: Box<str>,
}

impl StoredMask {
    fn decode(&self) -> Result<Rle, MaskError> {
        let [height, width] = self.size;
        Rle::parse_compressed(ImageSize { height, width }, &self.counts)
    }
}

/// The JSON shape of a result; other keys are ignored.
#[derive(Debug, Deserialize)]
struct RawDetection {
    image_id: i64,
    category_id: i64,
    score: f64,
    bbox: Option<[f64; 4]>,
    segmentation: Option<StoredMask>,
}

impl CocoResults {
    /// Reads a results file: a list of `image_id`, `category_id`, `score`, `bbox` and
    /// `segmentation`.
    ///
    /// `bbox` or `segmentation` may be missing; then only the other can be scored. Masks stay in
    /// their text form and are looked into when they are scored.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or an entry that lacks a field or has a wrong one.
    pub fn read(path: &Path) -> Result<Self, EvaluationError> {
        let mut file = JsonFile::open(path)?;
        let results = file.parse_list(|index, text| {
            let raw: RawDetection = parse_element(text).map_err(|message| {
                EvaluationError::entry(path, entry_name(index, find_id(text, "image_id")), message)
            })?;
            let RawDetection { image_id, category_id, score, bbox, segmentation: mask } = raw;
            if bbox.is_none() && mask.is_none() {
                let message = "bbox, segmentation: expected at least one of them, found none";
                return Err(EvaluationError::entry(
                    path,
                    entry_name(index, Some(image_id)),
                    message,
                ));
            }
            let bbox = bbox.map(|[x, y, width, height]| BoxXywh { x, y, width, height });
            Ok(StoredDetection { index, image_id, category_id, score, bbox, mask })
        })?;
        file.finish()?;
        Ok(Self { path: path.to_path_buf(), results })
    }

    /// Returns the file that they were read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns how many results there are.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// Tells whether every result has a mask, so that masks can be scored.
    pub fn has_masks(&self) -> bool {
        self.results.iter().all(|result| result.mask.is_some())
    }

    /// Tells whether every result has a box, so that boxes can be scored.
    pub fn has_boxes(&self) -> bool {
        self.results.iter().all(|result| result.bbox.is_some())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &StoredDetection> {
        self.results.iter()
    }

    /// Decodes the mask of a result of this file.
    pub(super) fn mask(&self, result: &StoredDetection) -> Result<Rle, EvaluationError> {
        let Some(mask) = &result.mask else {
            let message = "segmentation: expected run lengths to score masks by, found none";
            return Err(self.entry_error(result, message));
        };
        mask.decode().map_err(|error| self.entry_error(result, format!("segmentation: {error}")))
    }

    /// Returns the box of a result of this file.
    pub(super) fn bbox(&self, result: &StoredDetection) -> Result<BoxXywh, EvaluationError> {
        result.bbox.ok_or_else(|| {
            let message = "bbox: expected [x, y, width, height] to score boxes by, found none";
            self.entry_error(result, message)
        })
    }

    pub(super) fn entry_error(
        &self,
        result: &StoredDetection,
        message: impl Into<String>,
    ) -> EvaluationError {
        let entry = entry_name(result.index, Some(result.image_id));
        EvaluationError::entry(&self.path, entry, message)
    }
}

/// Names a result by its place in the list and its image.
fn entry_name(index: usize, image_id: Option<i64>) -> String {
    let image = image_id.map(|id| format!(" (image {id})")).unwrap_or_default();
    format!("[{index}]{image}")
}

#[cfg(test)]
mod tests;
