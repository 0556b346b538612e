//! The top level of an annotation file.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{AnnotationError, DataError};

/// The lists of a file, their entries not parsed yet: all at once they would take many times the
/// memory of the file.
#[derive(Debug, Deserialize)]
pub(super) struct Document<'a> {
    #[serde(borrow)]
    pub videos: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub images: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub categories: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    pub annotations: Option<Vec<&'a RawValue>>,
}

/// Reads a file to text that is JSON.
pub(super) fn read_text(path: &Path) -> Result<String, DataError> {
    let bytes =
        fs::read(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|error| not_json(path, &error.to_string()))?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    // Python writes NaN and Infinity, which JSON does not know. As texts they are found by the
    // check of the field they are in, and the message can name it.
    let invalid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err();
    Ok(if invalid { quote_non_finite(&text) } else { text })
}

impl<'a> Document<'a> {
    pub(super) fn parse(path: &Path, text: &'a str) -> Result<Self, DataError> {
        if !text.trim_start().starts_with('{') {
            return Err(not_json(path, "it does not start with '{'"));
        }
        serde_json::from_str(text).map_err(|error| not_json(path, &error.to_string()))
    }
}

fn not_json(path: &Path, reason: &str) -> DataError {
    DataError::Annotation(Box::new(AnnotationError {
        path: path.to_owned(),
        place: "the whole file".to_owned(),
        field: "JSON".to_owned(),
        expected: "an object with the lists of a YouTube-VIS or COCO file".to_owned(),
        found: reason.to_owned(),
        mend: "download or export the file again".to_owned(),
    }))
}

/// Puts quotes around the words for numbers that are not finite.
fn quote_non_finite(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 64);
    let mut rest = text;
    let (mut in_text, mut escaped) = (false, false);
    while let Some(character) = rest.chars().next() {
        let words = ["NaN", "-Infinity", "Infinity"];
        let word = words.into_iter().find(|word| !in_text && rest.starts_with(word));
        let length = word.map_or(character.len_utf8(), str::len);
        if let Some(word) = word {
            quoted.extend(["\"", word, "\""]);
        } else {
            quoted.push(character);
            in_text ^= character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
        }
        rest = &rest[length..];
    }
    quoted
}
