//! Writes COCO results while a run progresses.
//!
//! Reference: detectron2 `evaluation/coco_evaluation.py`, `instances_to_coco_json`.

use std::path::{Path, PathBuf};

use seqformer_annotations::Ids;
use seqformer_masks::{BoxXywh, Rle};

use crate::EvaluationError;
use crate::results::list_writer::{ListWriter, Part};
use crate::results::python_json::{WrittenIds, push_float, push_id, push_mask};

/// One object found in an image.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoDetection {
    /// The image that it was found in.
    pub image_id: i64,
    /// The class, as its id in the dataset.
    pub category_id: i64,
    /// The score; written as the double that it equals.
    pub score: f32,
    /// Its box in pixels of the image.
    pub bbox: BoxXywh,
    /// Its mask in the size of the image.
    pub segmentation: Rle,
}

/// Writes a results file image by image, so that a killed run loses no finished image.
///
/// Like [`ResultsWriter`](crate::ResultsWriter) for videos: until the end, results are kept in a
/// journal beside the file, `results.json.partial`, in which a restarted run finds its finished
/// images. The final file is in the order of the dataset and does not depend on interruptions.
#[derive(Debug)]
pub struct CocoResultsWriter {
    list: ListWriter,
    ids: WrittenIds,
}

impl CocoResultsWriter {
    /// Starts the results file `path`, or resumes what an earlier run left.
    ///
    /// `image_ids` are all images of the run in the order of the dataset. `run` is a line that
    /// describes what the results depend on, such as the checkpoint and the settings.
    ///
    /// # Errors
    ///
    /// A journal that cannot be opened, that another process is writing, or that a different run
    /// has started; and an image that is listed twice.
    pub fn open(path: &Path, image_ids: &[i64], run: &str) -> Result<Self, EvaluationError> {
        ListWriter::open(path, Part::Image, image_ids, run).map(Self::new)
    }

    /// Starts the results file `path`, discarding what an earlier run left.
    ///
    /// # Errors
    ///
    /// Those of [`CocoResultsWriter::open`], except that another run's journal is replaced.
    pub fn create(path: &Path, image_ids: &[i64], run: &str) -> Result<Self, EvaluationError> {
        ListWriter::create(path, Part::Image, image_ids, run).map(Self::new)
    }

    fn new(list: ListWriter) -> Self {
        Self { list, ids: WrittenIds::default() }
    }

    /// Sets the ids of the dataset that are written for the numbers of images and categories.
    #[must_use]
    pub fn with_ids(mut self, image_ids: &Ids, category_ids: &Ids) -> Self {
        self.ids = WrittenIds { parts: image_ids.clone(), categories: category_ids.clone() };
        self
    }

    /// Returns whether the results of an image are already written.
    pub fn is_finished(&self, image_id: i64) -> bool {
        self.list.is_finished(image_id)
    }

    /// Returns the number of images that are already written.
    pub fn num_finished(&self) -> usize {
        self.list.num_finished()
    }

    /// Writes all results of an image, which may be none.
    ///
    /// On return, the results are durable.
    ///
    /// # Errors
    ///
    /// An image that is not part of the run or is already written, a result of another image, a
    /// score or box that is not finite, or a failed write; the image then counts as not written.
    pub fn write_image(
        &mut self,
        image_id: i64,
        detections: &[CocoDetection],
    ) -> Result<(), EvaluationError> {
        self.list.write(image_id, detections, |list, detection| {
            if detection.image_id != image_id {
                let found = detection.image_id;
                return Err(format!("image_id: expected {image_id}, found {found}"));
            }
            if !detection.score.is_finite() {
                return Err(format!("score: expected a number, found {}", detection.score));
            }
            let numbers = numbers_of(detection.bbox);
            if let Some(found) = numbers.into_iter().find(|number| !number.is_finite()) {
                return Err(format!("bbox: expected four numbers, found {found}"));
            }
            push_detection(list, detection, &self.ids);
            Ok(())
        })
    }

    /// Moves the final file into place, removes the journal, and returns the path of the file.
    ///
    /// # Errors
    ///
    /// An image of the run that is not written, or a file that cannot be written; the journal is
    /// kept.
    pub fn finish(self) -> Result<PathBuf, EvaluationError> {
        self.list.finish()
    }
}

fn numbers_of(bbox: BoxXywh) -> [f64; 4] {
    let BoxXywh { x, y, width, height } = bbox;
    [x, y, width, height]
}

/// Appends a detection, with keys in the order of the reference.
fn push_detection(text: &mut String, detection: &CocoDetection, ids: &WrittenIds) {
    let CocoDetection { image_id, category_id, score, bbox, segmentation } = detection;
    text.push_str("{\"image_id\": ");
    push_id(text, *image_id, &ids.parts);
    text.push_str(", \"category_id\": ");
    push_id(text, *category_id, &ids.categories);
    text.push_str(", \"bbox\": [");
    for (index, number) in numbers_of(*bbox).into_iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        push_float(text, number);
    }
    text.push_str("], \"score\": ");
    push_float(text, f64::from(*score));
    text.push_str(", \"segmentation\": ");
    push_mask(text, segmentation);
    text.push('}');
}

#[cfg(test)]
mod tests;
