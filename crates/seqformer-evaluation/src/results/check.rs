//! Checking a results file before it is sent to a server.

use std::fmt;
use std::path::Path;

use seqformer_masks::{ImageSize, Rle};
use serde_json::{Map, Value};

use crate::json::{JsonFile, parse_element};
use crate::{EvaluationError, GroundTruth, Video};

/// Everything that is wrong with a results file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckReport {
    /// How many results the file has.
    pub num_results: usize,
    /// What is wrong, in the order of the file.
    pub faults: Vec<Fault>,
}

/// Something that is wrong with one result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The place of the result in the list, counted from 0.
    pub index: usize,
    /// The field; empty if the result as a whole is meant.
    pub field: &'static str,
    /// The frame, counted from 0, if one frame is meant.
    pub frame: Option<usize>,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Fault {
    /// Writes `[3].segmentations[7]: expected …, found …`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, field, frame, message } = self;
        write!(formatter, "[{index}]")?;
        if !field.is_empty() {
            write!(formatter, ".{field}")?;
        }
        if let Some(frame) = frame {
            write!(formatter, "[{frame}]")?;
        }
        write!(formatter, ": {message}")
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
        let mut checker = Checker { dataset, index, faults: Vec::new() };
        checker.check(text);
        Ok(checker.faults)
    })?;
    file.finish()?;
    Ok(CheckReport { num_results: faults.len(), faults: faults.into_iter().flatten().collect() })
}

struct Checker<'a> {
    dataset: &'a GroundTruth,
    index: usize,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    fn check(&mut self, text: &[u8]) {
        let result = match parse_element::<Value>(text) {
            Ok(Value::Object(result)) => result,
            Ok(other) => {
                let message = format!("expected an object, found {}", kind_of(&other));
                return self.fault("", None, message);
            }
            Err(message) => return self.fault("", None, message),
        };
        let video = self.integer(&result, "video_id").and_then(|id| {
            let video = self.dataset.video(id);
            if video.is_none() {
                let message = format!("expected a video of the dataset, found {id}");
                self.fault("video_id", None, message);
            }
            video
        });
        if let Some(id) = self.integer(&result, "category_id")
            && self.dataset.category(id).is_none()
        {
            let message = format!("expected a category of the dataset, found {id}");
            self.fault("category_id", None, message);
        }
        if let Some(score) = self.field(&result, "score")
            && !score.is_number()
        {
            let message = format!("expected a number, found {}", kind_of(score));
            self.fault("score", None, message);
        }
        self.check_segmentations(&result, video);
    }

    fn check_segmentations(&mut self, result: &Map<String, Value>, video: Option<&Video>) {
        let Some(value) = self.field(result, "segmentations") else { return };
        let Value::Array(masks) = value else {
            let message = format!("expected a list, found {}", kind_of(value));
            return self.fault("segmentations", None, message);
        };
        if let Some(video) = video
            && masks.len() != video.length
        {
            let (length, found) = (video.length, masks.len());
            let message = format!("expected one entry for each of {length} frames, found {found}");
            self.fault("segmentations", None, message);
        }
        for (frame, mask) in masks.iter().enumerate() {
            if let Err(message) = check_mask(mask, video.map(|video| video.size)) {
                self.fault("segmentations", Some(frame), message);
            }
        }
    }

    fn integer(&mut self, result: &Map<String, Value>, field: &'static str) -> Option<i64> {
        let value = self.field(result, field)?;
        let integer = value.as_i64();
        if integer.is_none() {
            let message = format!("expected an integer, found {}", kind_of(value));
            self.fault(field, None, message);
        }
        integer
    }

    fn field<'v>(
        &mut self,
        result: &'v Map<String, Value>,
        field: &'static str,
    ) -> Option<&'v Value> {
        let value = result.get(field);
        if value.is_none() {
            self.fault(field, None, "expected a value, found no such key".to_owned());
        }
        value
    }

    fn fault(&mut self, field: &'static str, frame: Option<usize>, message: String) {
        self.faults.push(Fault { index: self.index, field, frame, message });
    }
}

fn check_mask(mask: &Value, expected: Option<ImageSize>) -> Result<(), String> {
    let mask = match mask {
        Value::Null => return Ok(()),
        Value::Object(mask) => mask,
        other => {
            return Err(format!(
                "expected compressed run lengths or null, found {}",
                kind_of(other)
            ));
        }
    };
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let size = match mask.get("size").and_then(Value::as_array).map(Vec::as_slice) {
        Some([height, width]) => number(height).zip(number(width)),
        _ => None,
    };
    let Some((height, width)) = size else {
        return Err("size: expected [height, width]".to_owned());
    };
    let size = ImageSize { height, width };
    let counts = match mask.get("counts") {
        Some(Value::String(counts)) => counts,
        Some(other) => {
            return Err(format!("counts: expected compressed text, found {}", kind_of(other)));
        }
        None => return Err("counts: expected compressed text, found no such key".to_owned()),
    };
    if let Some(expected) = expected
        && size != expected
    {
        return Err(format!("size: expected that of the video, {expected}, found {size}"));
    }
    Rle::parse_compressed(size, counts).map(|_| ()).map_err(|error| error.to_string())
}

fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests;
