//! Annotation files of YouTube-VIS and COCO as records to train and test on.
//!
//! The files are read by `seqformer-annotations`, as for scoring.
//!
//! Reference: VNext `data/datasets/ytvis.py`, `load_ytvis_json`; detectron2
//! `data/datasets/coco.py`, `load_coco_json`.

mod coco;
mod ytvis;

use std::path::{Path, PathBuf};

pub use coco::read_coco;
pub use ytvis::read_ytvis;

use seqformer_annotations::{AnnotationError, Fault, Ids, Mask, Note, Subject};

use crate::{Categories, DataError, Segmentation, VideoRecord};

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
    /// How the ids of videos or images became numbers; results are written with the ids.
    pub video_ids: Ids,
    /// How the ids of categories became numbers.
    pub category_ids: Ids,
}

impl AnnotatedVideos {
    /// Checks that a model of `num_classes` classes can learn from these videos.
    ///
    /// # Errors
    ///
    /// Not a single instance, or more categories than classes.
    pub fn check_for_training(&self, num_classes: usize) -> Result<(), DataError> {
        let file = |field: &str, expected: String, found: String, mend: &str| {
            let fault = Fault::new(field, expected, found, mend);
            Err(AnnotationError::wrong(&self.path, "the whole file", fault).into())
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
                "at least one object that is visible in a frame".to_owned(),
                self.describe_emptiness(),
                "training needs annotations: use the file of a training split",
            );
        }
        Ok(())
    }

    /// Says that no video shows an object, and what was left out.
    fn describe_emptiness(&self) -> String {
        let found = format!("{} videos or images without any", self.videos.len());
        if self.notes.is_empty() {
            return found;
        }
        // The file is named already.
        let file = format!("{}: ", self.path.display());
        let notes: Vec<&str> =
            self.notes.iter().map(|note| note.strip_prefix(&file).unwrap_or(note)).collect();
        format!("{found} ({})", notes.join("; "))
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
/// A file that cannot be read or is no such file, or a category without an id.
pub fn read_categories(json: &Path) -> Result<Categories, DataError> {
    Ok(Categories::of_list(&seqformer_annotations::read_categories(json)?))
}

/// Returns the sentences that concern training, which does not use the areas of the file.
fn notes_of(notes: &[Note]) -> Vec<String> {
    let notes = notes.iter().filter(|note| note.subject != Subject::Areas);
    notes.map(ToString::to_string).collect()
}

/// Returns the pixels of an object, nothing if there is no mask that can be used.
fn to_segmentation(mask: Mask) -> Option<Segmentation> {
    match mask {
        Mask::Absent | Mask::Unusable => None,
        Mask::Runs(mask) => Some(Segmentation::Rle(mask)),
        Mask::Polygons(polygons) => Some(Segmentation::Polygons(polygons.into_vec())),
    }
}

#[cfg(test)]
mod tests;
