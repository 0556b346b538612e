//! Annotation files: YouTube-VIS and COCO instances, checked while they are read.
//!
//! Reference: VNext `data/datasets/ytvis.py`, `load_ytvis_json`; detectron2
//! `data/datasets/coco.py`, `load_coco_json`.

mod coco;
mod coco_subset;
mod document;
mod entry;
mod segmentation;
mod ytvis;

use std::path::{Path, PathBuf};

pub use coco::read_coco;
pub use coco_subset::{CocoSubset, write_coco_subset};
pub use ytvis::read_ytvis;

use crate::{DataError, VideoRecord};
use document::Document;
use entry::Entry;

/// The content of an annotation file.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnotatedVideos {
    /// The annotation file.
    pub path: PathBuf,
    /// The categories of the file.
    pub categories: Categories,
    /// The videos, by ascending id.
    pub videos: Vec<VideoRecord>,
    /// Sentences about what a user may want to know, such as skipped polygons.
    pub notes: Vec<String>,
}

impl AnnotatedVideos {
    /// Checks that a model of `num_classes` classes can learn from these videos.
    ///
    /// # Errors
    ///
    /// Not a single instance, or more categories than classes.
    pub fn check_for_training(&self, num_classes: usize) -> Result<(), DataError> {
        let file = |field: &str, expected: String, found: String, mend: &str| {
            Err(DataError::Annotation(Box::new(crate::AnnotationError {
                path: self.path.clone(),
                place: "the whole file".to_owned(),
                field: field.to_owned(),
                expected,
                found,
                mend: mend.to_owned(),
            })))
        };
        if self.categories.len() > num_classes {
            return file(
                "categories",
                format!("at most {num_classes}, the model's number of classes"),
                format!("{} categories", self.categories.len()),
                "set MODEL.SeqFormer.NUM_CLASSES to the number of categories",
            );
        }
        if !self.videos.iter().any(VideoRecord::has_instances) {
            return file(
                "annotations",
                "at least one object that is seen on a frame".to_owned(),
                format!("{} videos without any", self.videos.len()),
                "training needs annotations: use the file of a training split",
            );
        }
        Ok(())
    }

    /// Removes the videos without any object that is not a crowd, and returns how many they were.
    pub fn remove_empty(&mut self) -> usize {
        let before = self.videos.len();
        self.videos.retain(VideoRecord::has_instances);
        before - self.videos.len()
    }
}

/// Reads the categories of an annotation file, and nothing else of it.
///
/// # Errors
///
/// A file that cannot be read or is no such file, or a category without id or name.
pub fn read_categories(json: &Path) -> Result<Categories, DataError> {
    let text = document::read_text(json)?;
    Categories::read(json, &Document::parse(json, &text)?)
}

/// Categories in the order of their ids; the position is the contiguous id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Categories {
    ids: Vec<u64>,
    names: Vec<String>,
}

impl Categories {
    /// Sorts pairs of id and name; of equal ids the first one counts.
    pub fn new(mut categories: Vec<(u64, String)>) -> Self {
        categories.sort_by_key(|&(id, _)| id);
        categories.dedup_by_key(|&mut (id, _)| id);
        let (ids, names) = categories.into_iter().unzip();
        Self { ids, names }
    }

    /// Returns the number of categories.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the names, by contiguous id.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the ids of the file, ascending.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Returns the contiguous id of a file's category id.
    pub fn contiguous(&self, id: u64) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    fn read(path: &Path, document: &Document<'_>) -> Result<Self, DataError> {
        let mut categories: Vec<(u64, String)> = Vec::new();
        for (index, raw) in document.categories.iter().flatten().enumerate() {
            let entry = Entry::parse(path, raw, "category", index)?;
            let id = entry.number("id")?;
            if categories.iter().any(|&(other, _)| other == id) {
                return Err(entry.duplicate_id());
            }
            categories.push((id, entry.text("name")?.to_owned()));
        }
        Ok(Self::new(categories))
    }
}

#[cfg(test)]
mod tests;
