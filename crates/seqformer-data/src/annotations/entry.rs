//! One object of an annotation file, with messages that say which one it is.

use std::path::Path;

use seqformer_masks::{BoxXywh, ImageSize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{AnnotationError, DataError};

/// A parsed object, such as one annotation.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    path: &'a Path,
    /// `video 17, annotation 4`.
    place: String,
    fields: Map<String, Value>,
}

impl<'a> Entry<'a> {
    /// Parses entry number `index` of the list of `kind`s.
    pub(super) fn parse(
        path: &'a Path,
        raw: &RawValue,
        kind: &str,
        index: usize,
    ) -> Result<Self, DataError> {
        let unnamed = format!("{kind} at position {index} of its list");
        match serde_json::from_str::<Value>(raw.get()) {
            Ok(Value::Object(fields)) => {
                Ok(Self { path, place: place_of(&fields, kind, unnamed), fields })
            }
            other => {
                let entry = Self { path, place: unnamed, fields: Map::new() };
                let found = other.map_or_else(|error| error.to_string(), |value| describe(&value));
                Err(entry.error("entry", "an object", &found, "remove the entry"))
            }
        }
    }

    pub(super) fn error(&self, field: &str, expected: &str, found: &str, mend: &str) -> DataError {
        DataError::Annotation(Box::new(AnnotationError {
            path: self.path.to_owned(),
            place: self.place.clone(),
            field: field.to_owned(),
            expected: expected.to_owned(),
            found: found.to_owned(),
            mend: mend.to_owned(),
        }))
    }

    /// Writes another value into a field.
    pub(super) fn set(&mut self, field: &str, value: Value) {
        self.fields.insert(field.to_owned(), value);
    }

    pub(super) fn to_json(&self) -> String {
        Value::Object(self.fields.clone()).to_string()
    }

    pub(super) fn duplicate_id(&self) -> DataError {
        let mend = "give every entry of the list an id of its own";
        self.error("id", "an id that occurs once", "the same id a second time", mend)
    }

    /// Returns a field, nothing if it is absent or null.
    pub(super) fn optional(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    fn required(&self, field: &str, expected: &str) -> Result<&Value, DataError> {
        let missing = || {
            let found = if self.fields.contains_key(field) { "null" } else { "nothing" };
            self.error(field, expected, found, "add the field")
        };
        self.optional(field).ok_or_else(missing)
    }

    /// Reads a whole number of 0 or more.
    pub(super) fn number(&self, field: &str) -> Result<u64, DataError> {
        let expected = "a whole number of 0 or more";
        let value = self.required(field, expected)?;
        let mend = "write the number without quotes or a fraction";
        value.as_u64().ok_or_else(|| self.error(field, expected, &describe(value), mend))
    }

    pub(super) fn text(&self, field: &str) -> Result<&str, DataError> {
        let value = self.required(field, "a text")?;
        let wrong = || self.error(field, "a text", &describe(value), "write it in quotes");
        value.as_str().ok_or_else(wrong)
    }

    pub(super) fn list(&self, field: &str) -> Result<&[Value], DataError> {
        let value = self.required(field, "a list")?;
        let mend = "write it in square brackets";
        let wrong = || self.error(field, "a list", &describe(value), mend);
        value.as_array().map(Vec::as_slice).ok_or_else(wrong)
    }

    /// Reads a list with one entry for each of `length` frames; further entries are not used.
    pub(super) fn per_frame(&self, field: &str, length: usize) -> Result<&[Value], DataError> {
        let list = self.list(field)?;
        list.get(..length).ok_or_else(|| {
            let expected = format!("one entry for each of the {length} frames of the video");
            let found = format!("{} entries", list.len());
            self.error(field, &expected, &found, "write null where the object is not seen")
        })
    }

    /// Reads `height` and `width`.
    pub(super) fn size(&self) -> Result<ImageSize, DataError> {
        let side = |field: &str| {
            let side = self.number(field)?;
            let is_sane = (1..=u64::from(u32::MAX)).contains(&side);
            let wrong = || {
                let mend = "write the height and width of the image files";
                self.error(field, "a number of pixels", &side.to_string(), mend)
            };
            u32::try_from(side).ok().filter(|_| is_sane).ok_or_else(wrong)
        };
        let size = ImageSize { height: side("height")?, width: side("width")? };
        size.checked().map_err(|error| {
            self.error("height", "a reasonable size", &error.to_string(), "correct the size")
        })
    }

    /// Reads `iscrowd`: 0, 1, true, false or absent.
    pub(super) fn is_crowd(&self) -> Result<bool, DataError> {
        match self.optional("iscrowd") {
            None | Some(Value::Bool(false)) => Ok(false),
            Some(Value::Bool(true)) => Ok(true),
            Some(value) => match value.as_u64() {
                Some(0) => Ok(false),
                Some(1) => Ok(true),
                _ => Err(self.error("iscrowd", "0 or 1", &describe(value), "write 0 or 1")),
            },
        }
    }

    /// Reads a box `[x, y, width, height]`; nothing if it is null or empty.
    pub(super) fn bbox(&self, field: &str, value: &Value) -> Result<Option<BoxXywh>, DataError> {
        if is_absent(value) {
            return Ok(None);
        }
        let numbers: Option<Vec<f64>> =
            value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        match numbers.as_deref() {
            Some(&[x, y, width, height]) if width >= 0.0 && height >= 0.0 => {
                Ok(Some(BoxXywh { x, y, width, height }))
            }
            _ => {
                let expected = "null or [x, y, width, height] with sides of 0 or more";
                let mend = "correct the box, or write null for both box and segmentation";
                Err(self.error(field, expected, &describe(value), mend))
            }
        }
    }
}

/// Names the entry by its id, and an annotation by its video or image as well.
fn place_of(fields: &Map<String, Value>, kind: &str, unnamed: String) -> String {
    let id = |field: &str| fields.get(field).filter(|id| id.is_number());
    let Some(own) = id("id") else { return unnamed };
    match (id("video_id"), id("image_id")) {
        (Some(video), _) => format!("video {video}, {kind} {own}"),
        (None, Some(image)) => format!("image {image}, {kind} {own}"),
        (None, None) => format!("{kind} {own}"),
    }
}

/// Tells whether Python would take the value for false, which means: not seen in this frame.
pub(super) fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Says in a few words what a value is.
pub(super) fn describe(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    match value {
        Value::Array(list) => format!("a list of {} entries", list.len()),
        Value::Object(_) => "an object".to_owned(),
        _ => format!("{}…", text.chars().take(LONGEST).collect::<String>()),
    }
}
