//! COCO instance files.
//!
//! Reference: pycocotools, `COCO.createIndex` and `COCO.annToRLE`; detectron2
//! `data/datasets/coco.py`, `load_coco_json`.

mod image;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use image::Image;
use image::parse_image;
use serde_json::Value;

use crate::entry::{BoxField, Entry};
use crate::exhaustive::LabelLists;
use crate::json::JsonFile;
use crate::list::{
    CategoryList, LeftOut, annotation_ids, by_id, find, missing_list, of_other_kind, read_list,
    skip,
};
use crate::mask::{Dropped, Mask, other_size};
use crate::note::Note;
use crate::value::describe;
use crate::{AnnotationError, Fault, Id, Ids};

/// The content of a COCO file, checked.
#[derive(Debug, Clone)]
pub struct CocoFile {
    /// The file.
    pub path: PathBuf,
    /// The images by id.
    pub images: BTreeMap<i64, Image>,
    /// How the ids of images map to numbers.
    pub image_ids: Ids,
    /// The categories.
    pub categories: CategoryList,
    /// The annotations in the order of the file.
    pub annotations: Vec<ObjectEntry>,
    /// Notes for the user.
    pub notes: Vec<Note>,
}

/// One annotated object.
#[derive(Debug, Clone)]
pub struct ObjectEntry {
    /// The number of the annotation, 0 only if the file says 0.
    pub id: i64,
    /// The image that it is part of.
    pub image_id: i64,
    /// The class of the object.
    pub category_id: i64,
    /// Whether it stands for a group of objects.
    pub is_crowd: bool,
    /// Whether evaluation ignores it (`ignore`).
    pub is_ignored: bool,
    /// Whether it is partly hidden, if the file has this (`occluded`).
    pub is_occluded: Option<bool>,
    /// The identity that it shares with the same object in other frames (`instance_id`, or `track_id` of TAO).
    pub instance_id: Option<Id>,
    /// Its area, if the file has a usable one.
    pub area: Option<f64>,
    /// Its box.
    pub bbox: BoxField,
    /// Its mask.
    pub mask: Mask,
    /// Its name in messages.
    pub place: Box<str>,
}

impl CocoFile {
    /// Reads and checks a file with `images`, `categories` and `annotations`.
    ///
    /// `annotations` may be missing, null or empty, as in the files of the test splits. Files with a list `tracks` are
    /// TAO's: categories that are `merged` into another one count as that one, and objects of categories that the file
    /// does not list are left out.
    ///
    /// # Errors
    ///
    /// As [`YtvisFile::read`](crate::YtvisFile::read).
    pub fn read(path: &Path) -> Result<Self, AnnotationError> {
        Self::read_lists(path).map_err(|error| of_other_kind(path, ["images", "videos"], error))
    }

    fn read_lists(path: &Path) -> Result<Self, AnnotationError> {
        let mut file = JsonFile::open(path)?;
        let (mut images, mut categories) = (None, CategoryList::default());
        let (mut annotations, mut is_tao) = (Vec::new(), false);
        file.for_each_key(|file, key| {
            match key {
                "images" => images = Some(read_list(file, key, parse_image)?),
                "categories" if !file.skip_null()? => categories = CategoryList::read(file)?,
                "annotations" if !file.skip_null()? => {
                    annotations = read_list(file, key, RawObject::parse)?;
                }
                "categories" | "annotations" => {}
                "tracks" => {
                    is_tao = true;
                    skip(file)?;
                }
                _ => skip(file)?,
            }
            Ok(())
        })?;
        file.finish()?;
        let parsed = images.ok_or_else(|| missing_list(path, "images", false))?;
        let (mut images, mut lists) = (Vec::with_capacity(parsed.len()), Vec::new());
        for (index, (id, image, label_lists)) in parsed.into_iter().enumerate() {
            images.push((id, Image { index, ..image }));
            lists.push(label_lists);
        }
        let (mut images, image_ids) = by_id(path, "images", images)?;
        categories.is_of_tao = is_tao;
        for (&id, image) in &mut images {
            image.id = id;
        }
        let mut read = Self {
            path: path.to_path_buf(),
            images,
            image_ids,
            categories,
            annotations: Vec::with_capacity(annotations.len()),
            notes: Vec::new(),
        };
        read.add_annotations(annotations)?;
        read.add_exhaustive(&lists)?;
        Ok(read)
    }

    /// The name of an image in messages.
    pub fn image_place(&self, image: &Image) -> String {
        place(&self.image_ids, image)
    }

    /// Checks that the run lengths of every annotation have the size of their image.
    ///
    /// # Errors
    ///
    /// The first mask of another size.
    pub fn check_mask_sizes(&self) -> Result<(), AnnotationError> {
        for object in &self.annotations {
            if let Some(fault) = self.mask_of_other_size(object) {
                return Err(AnnotationError::wrong(&self.path, &*object.place, fault));
            }
        }
        Ok(())
    }

    /// Whether the mask of an annotation has another size than the image, if both have one.
    pub fn mask_of_other_size(&self, object: &ObjectEntry) -> Option<Fault> {
        let Mask::Runs(mask) = &object.mask else { return None };
        let size = self.images.get(&object.image_id)?.size?;
        (mask.size() != size).then(|| other_size(size, mask.size()).within("segmentation"))
    }

    fn add_exhaustive(&mut self, lists: &[LabelLists]) -> Result<(), AnnotationError> {
        let mut annotated: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for object in &self.annotations {
            annotated.entry(object.image_id).or_default().insert(object.category_id);
        }
        for (&id, image) in &mut self.images {
            match lists[image.index].resolve(&self.categories, annotated.get(&id)) {
                Ok(exhaustive) => image.exhaustive = exhaustive,
                Err(fault) => {
                    let place = place(&self.image_ids, image);
                    return Err(AnnotationError::wrong(&self.path, place, fault));
                }
            }
        }
        Ok(())
    }

    fn add_annotations(&mut self, raws: Vec<RawObject>) -> Result<(), AnnotationError> {
        let place = |(index, raw): (usize, &RawObject)| {
            let RawObject { id, image_id, .. } = raw;
            (id.clone(), format!("annotations[{index}] (id {id}, image {image_id})"))
        };
        let places: Vec<(Id, String)> = raws.iter().enumerate().map(place).collect();
        let ids = annotation_ids(&self.path, &places)?;
        let mut left_out = LeftOut::default();
        for (raw, (id, (_, place))) in raws.into_iter().zip(ids.into_iter().zip(places)) {
            let wrong = |fault| AnnotationError::wrong(&self.path, place.as_str(), fault);
            let images = (&self.image_ids, &self.images);
            let (image_id, _) =
                find(images, ("image_id", "image"), &raw.image_id).map_err(wrong)?;
            let category_id = if self.categories.is_of_tao {
                let Some(category_id) = self.categories.find_merged(&raw.category_id) else {
                    left_out.unlisted.add(1, || place.clone());
                    continue;
                };
                category_id
            } else {
                self.categories.find(&raw.category_id).map_err(wrong)?
            };
            raw.count_into(&mut left_out, &place);
            let RawObject {
                is_crowd, is_ignored, is_occluded, instance_id, area, bbox, mask, ..
            } = raw;
            let place = place.into_boxed_str();
            self.annotations.push(ObjectEntry {
                id,
                image_id,
                category_id,
                is_crowd,
                is_ignored,
                is_occluded,
                instance_id,
                area,
                bbox,
                mask,
                place,
            });
        }
        left_out.notes(&mut self.notes);
        self.categories.note(&mut self.notes);
        Ok(())
    }
}

/// An annotation before images and categories are known.
#[derive(Debug)]
struct RawObject {
    id: Id,
    image_id: Id,
    category_id: Id,
    is_crowd: bool,
    is_ignored: bool,
    is_occluded: Option<bool>,
    instance_id: Option<Id>,
    area: Option<f64>,
    /// The fault of an unusable area.
    odd_area: Option<Box<str>>,
    bbox: BoxField,
    mask: Mask,
    dropped: Dropped,
}

impl RawObject {
    fn parse(text: &[u8]) -> Result<Self, Fault> {
        let entry = Entry::parse(text)?;
        let mut dropped = Dropped::default();
        let mask = entry.get("segmentation").unwrap_or(&Value::Null);
        let mask = Mask::read(mask, &mut dropped).map_err(|fault| fault.within("segmentation"))?;
        let (area, odd_area) = match entry.get("area").map(|area| (area.as_f64(), area)) {
            None => (None, None),
            Some((Some(area), _)) => (Some(area), None),
            Some((None, odd)) => {
                (None, Some(format!("area, which is {}", describe(odd)).into_boxed_str()))
            }
        };
        Ok(Self {
            id: entry.id("id")?,
            image_id: entry.id("image_id")?,
            category_id: entry.id("category_id")?,
            is_crowd: entry.is_crowd()?,
            is_ignored: entry.is_marked("ignore"),
            is_occluded: entry.has("occluded").then(|| entry.is_marked("occluded")),
            instance_id: entry.id_if_any("instance_id").or_else(|| entry.id_if_any("track_id")),
            area,
            odd_area,
            bbox: entry.bbox("bbox"),
            mask,
            dropped,
        })
    }

    /// Counts what was dropped from the annotation called `place`.
    fn count_into(&self, left_out: &mut LeftOut, place: &str) {
        let at = || format!("{place}: segmentation");
        let Dropped { stray_polygons, unusable, boxes } = self.dropped;
        left_out.stray_polygons.add(stray_polygons, at);
        left_out.unusable.add(unusable, at);
        left_out.boxes_as_masks.add(boxes, at);
        if !self.bbox.is_proper() {
            let found = match &self.bbox {
                BoxField::Odd(found) => found.to_string(),
                _ => "of negative size".to_owned(),
            };
            left_out.odd_boxes.add(1, || format!("{place}: bbox, which is {found}"));
        }
        if let Some(odd) = &self.odd_area {
            left_out.odd_areas.add(1, || format!("{place}: {odd}"));
        }
    }
}

fn place(ids: &Ids, image: &Image) -> String {
    format!("images[{}] (id {})", image.index, ids.id(image.id))
}

#[cfg(test)]
mod tests;
