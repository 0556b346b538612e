//! What is to be found: images, categories and annotations of a COCO style file.
//!
//! Reference: pycocotools, `COCO.createIndex` and `COCO.annToRLE`.

mod raw;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use seqformer_masks::{BoxXywh, ImageSize, Rle};

use self::raw::{RawAnnotation, RawImage, Segmentation};
use crate::ground_truth::{RawCategory, collect, read_list};
use crate::json::{JsonFile, parse_element};
use crate::{Category, EvaluationError};

/// An image of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CocoImage {
    /// The number by which annotations and results name it.
    pub id: i64,
    /// Its height and width.
    pub size: ImageSize,
}

/// One annotated object of an image.
#[derive(Debug, Clone)]
pub struct CocoAnnotation {
    /// The number of the annotation.
    pub id: i64,
    /// The image that it is part of.
    pub image_id: i64,
    /// The class of the object.
    pub category_id: i64,
    /// Whether it stands for a group of objects, which counts neither for nor against results.
    pub is_crowd: bool,
    /// Its area from the file where the file has it; it decides between small and large.
    pub area: f64,
    /// Its box, if the file has it; needed only where boxes are scored.
    pub bbox: Option<BoxXywh>,
    segmentation: Segmentation,
    /// Its place in the list.
    index: usize,
}

/// Images and categories by id, and all annotations in the order of the file.
#[derive(Debug, Clone)]
pub struct CocoGroundTruth {
    path: PathBuf,
    images: BTreeMap<i64, CocoImage>,
    categories: BTreeMap<i64, Category>,
    annotations: Vec<CocoAnnotation>,
}

/// The lists of a file as they are read; annotations may come before the images they need.
#[derive(Debug, Default)]
struct Lists {
    images: Option<BTreeMap<i64, CocoImage>>,
    categories: Option<BTreeMap<i64, Category>>,
    annotations: Vec<RawAnnotation>,
}

impl CocoGroundTruth {
    /// Reads a file with `images`, `categories` and `annotations`.
    ///
    /// `annotations` may be missing, as in the files of the test splits; then there is nothing to
    /// be found. An annotation without `area` has that of its mask, or else of its box.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and any entry that is wrong: a missing field, a number that is
    /// none, an id that is taken or points nowhere, a damaged mask. The message names the file,
    /// the entry and the field.
    pub fn read(path: &Path) -> Result<Self, EvaluationError> {
        let mut lists = Lists::default();
        let mut file = JsonFile::open(path)?;
        file.for_each_key(|file, key| lists.read(file, key))?;
        file.finish()?;
        let missing = |key| EvaluationError::MissingKey { path: path.to_path_buf(), key };
        let images = lists.images.ok_or_else(|| missing("images"))?;
        let categories = lists.categories.ok_or_else(|| missing("categories"))?;
        let mut truth =
            Self { path: path.to_path_buf(), images, categories, annotations: Vec::new() };
        let mut ids = HashSet::new();
        for (index, annotation) in lists.annotations.iter().enumerate() {
            let id = annotation.id;
            if !ids.insert(id) {
                let message = format!("id: expected every id once, found {id} again");
                return Err(EvaluationError::entry(path, entry_name(index, id), message));
            }
        }
        if ids.contains(&0) {
            tracing::warn!(
                "{}: the annotation with id 0 never counts as found, as the official tool has it; \
                 count ids from 1",
                path.display()
            );
        }
        truth.annotations = truth.check(lists.annotations)?;
        Ok(truth)
    }

    /// Returns the file that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the images, ordered by id.
    pub fn images(&self) -> impl ExactSizeIterator<Item = &CocoImage> {
        self.images.values()
    }

    /// Returns the categories, ordered by id.
    pub fn categories(&self) -> impl ExactSizeIterator<Item = &Category> {
        self.categories.values()
    }

    /// Returns the annotations in the order of the file.
    pub fn annotations(&self) -> &[CocoAnnotation] {
        &self.annotations
    }

    /// Returns the place of every image in the order of ids.
    pub(super) fn image_indices(&self) -> HashMap<i64, usize> {
        self.images.keys().enumerate().map(|(index, &id)| (id, index)).collect()
    }

    /// Returns the place of every category in the order of ids.
    pub(super) fn category_indices(&self) -> HashMap<i64, usize> {
        self.categories.keys().enumerate().map(|(index, &id)| (id, index)).collect()
    }

    /// Draws the mask of an annotation of this file.
    pub(super) fn mask(&self, annotation: &CocoAnnotation) -> Result<Rle, EvaluationError> {
        let size = self.images[&annotation.image_id].size;
        annotation.segmentation.mask(size).ok_or_else(|| {
            let message = "segmentation: expected polygons or run lengths to score masks by, \
                           found none";
            EvaluationError::entry(&self.path, annotation.entry_name(), message)
        })
    }

    /// Returns the box of an annotation of this file.
    pub(super) fn bbox(&self, annotation: &CocoAnnotation) -> Result<BoxXywh, EvaluationError> {
        annotation.bbox.ok_or_else(|| {
            let message = "bbox: expected [x, y, width, height] to score boxes by, found none";
            EvaluationError::entry(&self.path, annotation.entry_name(), message)
        })
    }

    /// Checks the annotations, now that images and categories are known.
    fn check(
        &self,
        annotations: Vec<RawAnnotation>,
    ) -> Result<Vec<CocoAnnotation>, EvaluationError> {
        let check = |(index, raw): (usize, RawAnnotation)| {
            let entry = entry_name(index, raw.id);
            self.annotation(index, raw).map_err(|what| (entry, what))
        };
        let checked: Vec<_> = annotations.into_par_iter().enumerate().map(check).collect();
        // One after the other, so that it is always the first fault that is told.
        let error =
            |(entry, what): (String, String)| EvaluationError::entry(&self.path, entry, what);
        checked.into_iter().map(|annotation| annotation.map_err(error)).collect()
    }

    fn annotation(&self, index: usize, raw: RawAnnotation) -> Result<CocoAnnotation, String> {
        let RawAnnotation { id, image_id, category_id, iscrowd, area, bbox, segmentation } = raw;
        let image = self.images.get(&image_id).ok_or_else(|| {
            format!("image_id: expected the id of an image of this file, found {image_id}")
        })?;
        if !self.categories.contains_key(&category_id) {
            return Err(format!(
                "category_id: expected the id of a category of this file, found {category_id}"
            ));
        }
        let bbox = bbox.map(|[x, y, width, height]| BoxXywh { x, y, width, height });
        let mask_area = || segmentation.mask(image.size).map(|mask| mask.area() as f64);
        let area = area
            .or_else(mask_area)
            .or_else(|| bbox.map(|bbox| bbox.width * bbox.height))
            .ok_or("area: expected a number, found no such key and neither mask nor box")?;
        let is_crowd = iscrowd.0;
        Ok(CocoAnnotation { id, image_id, category_id, is_crowd, area, bbox, segmentation, index })
    }
}

impl CocoAnnotation {
    fn entry_name(&self) -> String {
        entry_name(self.index, self.id)
    }
}

/// Names an annotation by its place in the list and its id.
fn entry_name(index: usize, id: i64) -> String {
    format!("annotations[{index}] (id {id})")
}

impl Lists {
    fn read(&mut self, file: &mut JsonFile, key: &str) -> Result<(), EvaluationError> {
        match key {
            "images" => {
                let images: Vec<CocoImage> =
                    read_list(file, key, |text| parse_element(text).and_then(RawImage::check))?;
                let by_id = images.into_iter().map(|image| (image.id, image));
                collect(file.path(), key, by_id, self.images.get_or_insert_default())
            }
            "categories" => {
                let categories = read_list(file, key, |text| {
                    parse_element(text).map(|RawCategory { id, name }| Category { id, name })
                })?;
                let by_id = categories.into_iter().map(|category| (category.id, category));
                collect(file.path(), key, by_id, self.categories.get_or_insert_default())
            }
            "annotations" if file.skip_null()? => Ok(()),
            "annotations" => {
                self.annotations = read_list(file, key, |text| parse_element(text))?;
                Ok(())
            }
            _ => file.read_value(&mut Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests;
