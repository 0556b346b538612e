//! Annotation files of YouTube-VIS and COCO as records for training and testing.
//!
//! `seqformer-annotations` reads the files, as for scoring.
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
    /// Notes for the user, such as about skipped polygons.
    pub notes: Vec<String>,
    /// How the ids of videos or images map to numbers; results are written with the ids.
    pub video_ids: Ids,
    /// How the ids of categories map to numbers.
    pub category_ids: Ids,
}

impl AnnotatedVideos {
    /// Checks that a model of `num_classes` classes can learn from these videos.
    ///
    /// # Errors
    ///
    /// No instance at all, or more categories than classes.
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

    /// Explains that no video shows an object, and what was dropped.
    fn describe_emptiness(&self) -> String {
        let found = format!("{} videos or images without any", self.videos.len());
        if self.notes.is_empty() {
            return found;
        }
        // The file is already named.
        let file = format!("{}: ", self.path.display());
        let notes: Vec<&str> =
            self.notes.iter().map(|note| note.strip_prefix(&file).unwrap_or(note)).collect();
        format!("{found} ({})", notes.join("; "))
    }

    /// Removes the videos without any non-crowd object, and returns their number.
    pub fn remove_empty(&mut self) -> usize {
        let before = self.videos.len();
        self.videos.retain(VideoRecord::has_instances);
        before - self.videos.len()
    }
}

/// Reads only the categories of an annotation file.
///
/// # Errors
///
/// A file that cannot be read or is not an annotation file, or a category without an id.
pub fn read_categories(json: &Path) -> Result<Categories, DataError> {
    Ok(Categories::of_list(&seqformer_annotations::read_categories(json)?))
}

/// Returns the notes that concern training, which does not use the areas in the file.
fn notes_of(notes: &[Note]) -> Vec<String> {
    let notes = notes.iter().filter(|note| note.subject != Subject::Areas);
    notes.map(ToString::to_string).collect()
}

/// Returns the pixels of an object; `None` if there is no usable mask.
fn to_segmentation(mask: Mask) -> Option<Segmentation> {
    match mask {
        Mask::Absent | Mask::Unusable => None,
        Mask::Runs(mask) => Some(Segmentation::Rle(mask)),
        Mask::Polygons(polygons) => Some(Segmentation::Polygons(polygons.into_vec())),
    }
}

#[cfg(test)]
mod tests;
