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

/// What the results of a file refer to: the videos or images of a dataset, and its categories.
pub(crate) struct Referred<'a, R> {
    /// The annotation file.
    pub(crate) path: &'a Path,
    /// The field that names the video or image.
    pub(crate) field: &'static str,
    /// What it names, with an article.
    pub(crate) what: &'static str,
    /// Finds it by its id.
    pub(crate) find: &'a (dyn Fn(&Id) -> Option<&'a R> + Sync),
    /// Tells whether there is a category of this id; files of test splits may list none, and then all are good.
    pub(crate) has_category: &'a (dyn Fn(&Id) -> bool + Sync),
}

impl<R> Referred<'_, R> {
    /// Checks every result of a file: what it refers to and its score here, the rest by `check_rest`.
    ///
    /// Few results are in memory at a time.
    pub(crate) fn check(
        &self,
        results: &Path,
        check_rest: impl Fn(&Entry, Option<&R>, &mut Faults) + Sync,
    ) -> Result<CheckReport, EvaluationError> {
        let mut file = JsonFile::open(results)?;
        let faults = file.parse_list(|index, text| {
            let mut faults = Faults::default();
            if let Some(result) = faults.take(Entry::parse(text)) {
                let record = self.check_references(&result, &mut faults);
                check_rest(&result, record, &mut faults);
            }
            let fault = |fault| ResultFault { index, fault };
            Ok(faults.0.into_iter().map(fault).collect::<Vec<_>>())
        })?;
        file.finish()?;
        let num_results = faults.len();
        Ok(CheckReport { num_results, faults: faults.into_iter().flatten().collect() })
    }

    fn check_references(&self, result: &Entry, faults: &mut Faults) -> Option<&R> {
        let record = faults.take(result.id(self.field)).and_then(|id| {
            let found = (self.find)(&id);
            if found.is_none() {
                faults.push(self.unknown(self.field, self.what, &id));
            }
            found
        });
        if let Some(id) = faults.take(result.id("category_id"))
            && !(self.has_category)(&id)
        {
            faults.push(self.unknown("category_id", "a category", &id));
        }
        faults.take(result.number("score"));
        record
    }

    fn unknown(&self, field: &str, what: &str, id: &Id) -> Fault {
        let mend = format!("the annotations are those of {}", self.path.display());
        Fault::new(field, format!("{what} of the dataset"), id.to_string(), mend)
    }
}

/// The faults of one result.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn push(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Returns the value, or keeps the fault.
    pub(crate) fn take<T>(&mut self, outcome: Result<T, Fault>) -> Option<T> {
        outcome.map_err(|fault| self.push(fault)).ok()
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
    let has_categories = dataset.categories().len() > 0;
    let referred = Referred {
        path: dataset.path(),
        field: "video_id",
        what: "a video",
        find: &|id| dataset.video(dataset.video_ids().number(id)?),
        has_category: &|id| {
            let number = dataset.category_ids().number(id);
            !has_categories || number.and_then(|number| dataset.category(number)).is_some()
        },
    };
    referred.check(path, check_segmentations)
}

fn check_segmentations(result: &Entry, video: Option<&Video>, faults: &mut Faults) {
    const EXPECTED: &str = "a list with a mask or null for each frame";
    let Some(value) = faults.take(result.required("segmentations", EXPECTED)) else { return };
    let Value::Array(masks) = value else {
        let mend = "write a list of masks in square brackets";
        return faults.push(Fault::new("segmentations", EXPECTED, describe(value), mend));
    };
    if let Some(video) = video
        && masks.len() != video.length
    {
        let expected = format!("an entry for each of the {} frames of the video", video.length);
        let found = format!("{} entries", masks.len());
        let mend = "write null where the object is not visible";
        faults.push(Fault::new("segmentations", expected, found, mend));
    }
    for (frame, mask) in masks.iter().enumerate() {
        if let Err(fault) = check_mask(mask, video.map(|video| video.size)) {
            faults.push(fault.within(&format!("segmentations[{frame}]")));
        }
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
