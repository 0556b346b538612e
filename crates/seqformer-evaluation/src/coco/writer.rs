//! Writing COCO results while a run goes on.
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
    /// The class, by its id in the dataset.
    pub category_id: i64,
    /// How sure the model is; written as the double that it equals.
    pub score: f32,
    /// Its box in pixels of the image.
    pub bbox: BoxXywh,
    /// Its mask in the size of the image.
    pub segmentation: Rle,
}

/// Writes a results file image by image, so that a killed run loses no finished image.
///
/// As [`ResultsWriter`](crate::ResultsWriter) does for videos: until the end the results are kept
/// in a journal beside the file, `results.json.partial`, and a run that is started again finds its
/// finished images there. The final file is in the order of the dataset and is the same with and
/// without interruptions.
#[derive(Debug)]
pub struct CocoResultsWriter {
    list: ListWriter,
    ids: WrittenIds,
}

impl CocoResultsWriter {
    /// Begins the results file `path`, or goes on with what an earlier run left.
    ///
    /// `image_ids` are all images of the run in the order of the dataset. `run` is a line that
    /// describes what the results depend on, such as the checkpoint and the settings.
    ///
    /// # Errors
    ///
    /// A journal that cannot be opened, that another process is writing, or that another run has
    /// begun; and an image that is listed twice.
    pub fn open(path: &Path, image_ids: &[i64], run: &str) -> Result<Self, EvaluationError> {
        ListWriter::open(path, Part::Image, image_ids, run).map(Self::new)
    }

    /// Begins the results file `path`, whatever an earlier run has left.
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

    /// Writes the ids that the dataset has for the numbers of images and categories.
    #[must_use]
    pub fn with_ids(mut self, image_ids: &Ids, category_ids: &Ids) -> Self {
        self.ids = WrittenIds { parts: image_ids.clone(), categories: category_ids.clone() };
        self
    }

    /// Tells whether the results of an image are written already.
    pub fn is_finished(&self, image_id: i64) -> bool {
        self.list.is_finished(image_id)
    }

    /// Returns how many images are written already.
    pub fn num_finished(&self) -> usize {
        self.list.num_finished()
    }

    /// Writes all results of an image, which may be none.
    ///
    /// When this returns, the results are on the disk.
    ///
    /// # Errors
    ///
    /// An image that is not part of the run or is written already, a result of another image, a
    /// score or box that is not finite, or a disk that does not take the results; then the image
    /// counts as not written.
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

    /// Puts the final file in place, removes the journal and returns the path of the file.
    ///
    /// # Errors
    ///
    /// An image of the run that is not written yet, or a file that cannot be written; the journal
    /// stays.
    pub fn finish(self) -> Result<PathBuf, EvaluationError> {
        self.list.finish()
    }
}

fn numbers_of(bbox: BoxXywh) -> [f64; 4] {
    let BoxXywh { x, y, width, height } = bbox;
    [x, y, width, height]
}

/// Appends a detection, its keys in the order of the reference.
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
