//! Ground truth: images, categories and annotations of a file in COCO's format.
//!
//! `seqformer-annotations` reads the file, as for training.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use seqformer_annotations::{
    AnnotationError, BoxField, Category, CategoryList, CocoFile, Fault, Ids, Image, Mask,
    ObjectEntry,
};
use seqformer_masks::{BoxXywh, Rle};

use super::IouKind;
use crate::EvaluationError;
use crate::ground_truth::{warn, warn_of_id_0};

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
    /// Its area, from the file if it has one; it decides between small and large.
    pub area: f64,
    bbox: BoxField,
    mask: Mask,
    place: Box<str>,
}

/// Images and categories by id, and all annotations in the order of the file.
#[derive(Debug, Clone)]
pub struct CocoGroundTruth {
    path: PathBuf,
    images: BTreeMap<i64, Image>,
    image_ids: Ids,
    categories: CategoryList,
    annotations: Vec<CocoAnnotation>,
}

impl CocoGroundTruth {
    /// Reads a file with `images`, `categories` and `annotations`.
    ///
    /// `annotations` may be missing, as in the files of the test splits; then there is nothing to
    /// be found. An annotation without `area` has that of its mask, or else of its box. Warnings
    /// report what was dropped.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and any invalid entry. The message names the file, the entry and
    /// the field.
    pub fn read(path: &Path) -> Result<Self, EvaluationError> {
        let file = CocoFile::read(path)?;
        warn(path, &file.notes);
        let mut of_other_size = file
            .annotations
            .iter()
            .filter_map(|object| Some((object, file.mask_of_other_size(object)?)));
        if let Some((first, fault)) = of_other_size.next() {
            let count = 1 + of_other_size.count();
            tracing::warn!(
                "{}: {count} masks have another size than their image; as in the official tool, \
                 these are compared only with results of the same size; the first is {}: {fault}",
                path.display(),
                first.place,
            );
        }
        let CocoFile { images, image_ids, categories, annotations, .. } = file;
        let object = |object: ObjectEntry| {
            let place = object.place.clone();
            annotation(object, &images)
                .map_err(|fault| AnnotationError::wrong(path, &*place, fault).into())
        };
        let annotations: Vec<Result<CocoAnnotation, EvaluationError>> =
            annotations.into_par_iter().map(object).collect();
        // Sequentially, so that the first fault is always the one reported.
        let annotations = annotations.into_iter().collect::<Result<Vec<_>, _>>()?;
        warn_of_id_0(path, annotations.iter().any(|annotation| annotation.id == 0));
        Ok(Self { path: path.to_path_buf(), images, image_ids, categories, annotations })
    }

    /// Returns the file that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the images, ordered by id.
    pub fn images(&self) -> impl ExactSizeIterator<Item = &Image> {
        self.images.values()
    }

    /// Returns the categories, ordered by id.
    pub fn categories(&self) -> impl ExactSizeIterator<Item = &Category> {
        self.categories.by_id.values()
    }

    /// Returns the annotations in the order of the file.
    pub fn annotations(&self) -> &[CocoAnnotation] {
        &self.annotations
    }

    /// Returns the image with this id.
    pub fn image(&self, id: i64) -> Option<&Image> {
        self.images.get(&id)
    }

    /// Returns the category with this id.
    pub fn category(&self, id: i64) -> Option<&Category> {
        self.categories.by_id.get(&id)
    }

    /// Returns how the ids of images map to numbers.
    pub fn image_ids(&self) -> &Ids {
        &self.image_ids
    }

    /// Returns how the ids of categories map to numbers.
    pub fn category_ids(&self) -> &Ids {
        &self.categories.ids
    }

    /// Returns whether any annotation has the compared property.
    pub fn has(&self, kind: IouKind) -> bool {
        self.annotations.iter().any(|annotation| annotation.has(kind))
    }

    /// Checks that every annotation can be compared by masks or by boxes.
    ///
    /// # Errors
    ///
    /// The first one that cannot: an invalid box, or polygons in an image without a size; and a
    /// file without any annotation that has the compared property.
    pub fn check(&self, kind: IouKind) -> Result<(), EvaluationError> {
        for annotation in self.comparable(kind)? {
            match kind {
                IouKind::Mask => drop(self.mask(annotation)?),
                IouKind::Box => drop(self.bbox(annotation)?),
            }
        }
        Ok(())
    }

    /// Returns the annotations that have the compared property.
    ///
    /// # Errors
    ///
    /// If there are annotations, but none has it.
    pub(super) fn comparable(
        &self,
        kind: IouKind,
    ) -> Result<Vec<&CocoAnnotation>, EvaluationError> {
        let found: Vec<_> =
            self.annotations.iter().filter(|annotation| annotation.has(kind)).collect();
        let Some(first) = self.annotations.iter().find(|annotation| !annotation.has(kind)) else {
            return Ok(found);
        };
        let (field, expected) = match kind {
            IouKind::Mask => ("segmentation", "polygons or run lengths, to score masks"),
            IouKind::Box => ("bbox", "[x, y, width, height], to score boxes"),
        };
        // An object with an unusable mask is annotated, and skipped everywhere.
        if found.is_empty() && !self.annotations.iter().any(|a| a.mask == Mask::Unusable) {
            let mend = match kind {
                IouKind::Mask => "score boxes (--iou box) or add masks to the annotations",
                IouKind::Box => "score masks (--iou mask) or add boxes to the annotations",
            };
            let fault = Fault::new(field, expected, "none in any annotation", mend);
            return Err(AnnotationError::wrong(&self.path, &*first.place, fault).into());
        }
        tracing::warn!(
            "{}: {} annotations without a {field} are left out; the first is {}",
            self.path.display(),
            self.annotations.len() - found.len(),
            first.place
        );
        Ok(found)
    }

    /// Returns the index of every image in the order of ids.
    pub(super) fn image_indices(&self) -> HashMap<i64, usize> {
        self.images.keys().enumerate().map(|(index, &id)| (id, index)).collect()
    }

    /// Returns the index of every category in the order of ids.
    pub(super) fn category_indices(&self) -> HashMap<i64, usize> {
        self.categories.by_id.keys().enumerate().map(|(index, &id)| (id, index)).collect()
    }

    /// Draws the mask of an annotation of this file that has one.
    pub(super) fn mask(&self, annotation: &CocoAnnotation) -> Result<Rle, EvaluationError> {
        let wrong = |fault: Fault| AnnotationError::wrong(&self.path, &*annotation.place, fault);
        let image = &self.images[&annotation.image_id];
        let drawn = annotation.mask.draw(image.size).map_err(|mut fault| {
            fault.mend = format!("add height and width to {}", self.image_place(image));
            wrong(fault.within("segmentation"))
        })?;
        drawn.ok_or_else(|| {
            let expected = "polygons or run lengths, to score masks";
            wrong(Fault::new("segmentation", expected, "none", "")).into()
        })
    }

    /// Returns the box of an annotation of this file that has one.
    pub(super) fn bbox(&self, annotation: &CocoAnnotation) -> Result<BoxXywh, EvaluationError> {
        let found = match &annotation.bbox {
            BoxField::Given(bbox) => return Ok(*bbox),
            BoxField::Odd(found) => &**found,
            BoxField::Absent => "none",
        };
        let mend = "correct the box";
        let fault = Fault::new("bbox", "[x, y, width, height] of finite numbers", found, mend);
        Err(AnnotationError::wrong(&self.path, &*annotation.place, fault).into())
    }

    fn image_place(&self, image: &Image) -> String {
        format!("images[{}] (id {})", image.index, self.image_ids.id(image.id))
    }
}

fn annotation(object: ObjectEntry, images: &BTreeMap<i64, Image>) -> Result<CocoAnnotation, Fault> {
    let ObjectEntry { id, image_id, category_id, is_crowd, area, bbox, mask, place, .. } = object;
    let box_area = || match &bbox {
        BoxField::Given(bbox) => Some(bbox.width * bbox.height),
        BoxField::Absent | BoxField::Odd(_) => None,
    };
    // Polygons in an image without a size have no area; their box has one.
    let size = images[&image_id].size;
    let can_draw = area.is_none() && (size.is_some() || matches!(mask, Mask::Runs(_)));
    let drawn = if can_draw { mask.draw(size)? } else { None };
    let mask_area = drawn.map(|mask| mask.area() as f64);
    let area = area.or(mask_area).or_else(box_area).unwrap_or(0.0);
    Ok(CocoAnnotation { id, image_id, category_id, is_crowd, area, bbox, mask, place })
}

impl CocoAnnotation {
    fn has(&self, kind: IouKind) -> bool {
        match kind {
            IouKind::Mask => !matches!(self.mask, Mask::Absent | Mask::Unusable),
            IouKind::Box => self.bbox != BoxField::Absent,
        }
    }
}

#[cfg(test)]
mod tests;
