//! Checking a results file before it is sent to a server.

use std::fmt;
use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{Entry, Fault, Id, Video, describe, is_absent, other_size};
use seqformer_masks::{ImageSize, Rle};
use serde_json::Value;

use super::raw::compressed_mask;
use crate::{EvaluationError, GroundTruth};

/// All errors of a results file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// How many results the file has.
    pub num_results: usize,
    /// The errors, in the order of the file.
    pub faults: Vec<ResultFault>,
}

/// An error in one result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFault {
    /// The index of the result in the list.
    pub index: usize,
    /// The error; frames are counted from 0, too.
    pub fault: Fault,
}

impl fmt::Display for ResultFault {
    /// Writes `[3].segmentations[7]: expected …, found …; mend`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, fault } = self;
        let dot = if fault.field.is_empty() { ": " } else { "." };
        write!(formatter, "[{index}]{dot}{fault}")
    }
}

/// Checks every result against the videos and categories of a dataset.
///
/// The dataset needs no annotations. Few results are in memory at a time.
///
/// # Errors
///
/// A file that cannot be read, or that is not a JSON list.
pub fn check_results(path: &Path, dataset: &GroundTruth) -> Result<CheckReport, EvaluationError> {
    let mut file = JsonFile::open(path)?;
    let faults = file.parse_list(|index, text| {
        let mut checker = Checker { dataset, faults: Vec::new() };
        checker.check(text);
        let fault = |fault| ResultFault { index, fault };
        Ok(checker.faults.into_iter().map(fault).collect::<Vec<_>>())
    })?;
    file.finish()?;
    Ok(CheckReport { num_results: faults.len(), faults: faults.into_iter().flatten().collect() })
}

struct Checker<'a> {
    dataset: &'a GroundTruth,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    fn check(&mut self, text: &[u8]) {
        let result = match Entry::parse(text) {
            Ok(result) => result,
            Err(fault) => return self.faults.push(fault),
        };
        let video = self.take(result.id("video_id")).and_then(|id| {
            let number = self.dataset.video_ids().number(&id);
            let video = number.and_then(|number| self.dataset.video(number));
            if video.is_none() {
                self.unknown("video_id", "video", &id);
            }
            video
        });
        // Some files of test splits list no categories.
        let has_categories = self.dataset.categories().len() > 0;
        if let Some(id) = self.take(result.id("category_id")).filter(|_| has_categories) {
            let number = self.dataset.category_ids().number(&id);
            if number.and_then(|number| self.dataset.category(number)).is_none() {
                self.unknown("category_id", "category", &id);
            }
        }
        self.take(result.number("score"));
        self.check_segmentations(&result, video);
    }

    fn check_segmentations(&mut self, result: &Entry, video: Option<&Video>) {
        const EXPECTED: &str = "a list with a mask or null for each frame";
        let Some(value) = self.take(result.required("segmentations", EXPECTED)) else { return };
        let Value::Array(masks) = value else {
            let mend = "write a list of masks in square brackets";
            let fault = Fault::new("segmentations", EXPECTED, describe(value), mend);
            return self.faults.push(fault);
        };
        if let Some(video) = video
            && masks.len() != video.length
        {
            let expected = format!("an entry for each of the {} frames of the video", video.length);
            let found = format!("{} entries", masks.len());
            let mend = "write null where the object is not visible";
            self.faults.push(Fault::new("segmentations", expected, found, mend));
        }
        for (frame, mask) in masks.iter().enumerate() {
            if let Err(fault) = check_mask(mask, video.map(|video| video.size)) {
                self.faults.push(fault.within(&format!("segmentations[{frame}]")));
            }
        }
    }

    fn unknown(&mut self, field: &str, what: &str, id: &Id) {
        let path = self.dataset.path().display();
        let mend = format!("the annotations are those of {path}");
        self.faults.push(Fault::new(
            field,
            format!("a {what} of the dataset"),
            id.to_string(),
            mend,
        ));
    }

    fn take<T>(&mut self, outcome: Result<T, Fault>) -> Option<T> {
        outcome.map_err(|fault| self.faults.push(fault)).ok()
    }
}

fn check_mask(mask: &Value, expected: Option<ImageSize>) -> Result<(), Fault> {
    if is_absent(mask) {
        return Ok(());
    }
    let (size, counts) = compressed_mask(mask)?;
    if let Some(expected) = expected
        && size != expected
    {
        return Err(other_size(expected, size));
    }
    Rle::parse_compressed(size, counts).map(drop).map_err(|error| Fault::of_mask(&error))
}

#[cfg(test)]
mod tests;
