//! One element of a list of annotations or results. Faults are described in terms of its fields.

use std::fmt;

use seqformer_masks::{BoxXywh, ImageSize};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::value::{
    describe, drop_non_finite, is_absent, non_finite, quote_non_finite, whole_number,
};
use crate::{Fault, Id};

/// An object, such as one annotation.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    fields: Map<String, Value>,
    repeated_key: Option<Box<str>>,
}

/// The content of a field that should contain a box.
#[derive(Debug, Clone, PartialEq)]
pub enum BoxField {
    /// Nothing: no such key, null or an empty list.
    Absent,
    /// Four finite numbers, which may be negative.
    Given(BoxXywh),
    /// Anything else, with a description.
    Odd(Box<str>),
}

impl BoxField {
    /// Whether it is absent, or a box with sides of 0 or more.
    pub fn is_proper(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Given(bbox) => bbox.width >= 0.0 && bbox.height >= 0.0,
            Self::Odd(_) => false,
        }
    }

    /// Reads a value.
    pub fn read(value: &Value) -> Self {
        if is_absent(value) {
            return Self::Absent;
        }
        let numbers: Option<Vec<f64>> =
            value.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        match numbers.as_deref() {
            Some(&[x, y, width, height]) => Self::Given(BoxXywh { x, y, width, height }),
            _ => Self::Odd(describe(value).into()),
        }
    }
}

impl Entry {
    /// Parses the text of an object.
    ///
    /// Python writes NaN and Infinity, which JSON does not have. They are a fault of the field that
    /// contains them, once that is read.
    ///
    /// # Errors
    ///
    /// A value that is not an object.
    pub fn parse(text: &[u8]) -> Result<Self, Fault> {
        let parsed = serde_json::from_slice(text)
            .or_else(|_plain| serde_json::from_slice(&quote_non_finite(text)));
        let error: serde_json::Error = match parsed {
            Ok(entry) => return Ok(entry),
            Err(error) => error,
        };
        if std::str::from_utf8(text).is_err() {
            return Err(Fault::new("", "UTF-8 text", "other bytes", "save the file as UTF-8"));
        }
        if let Ok(other) = serde_json::from_slice(&quote_non_finite(text)) {
            return Err(Fault::new("", "an object", describe(&other), "remove the entry"));
        }
        let mend = "write the entry again";
        Err(Fault::new("", "an object in JSON", without_position(&error), mend))
    }

    /// Returns the first key that occurs twice. The last value counts, as in Python.
    pub fn repeated_key(&self) -> Option<&str> {
        self.repeated_key.as_deref()
    }

    /// Returns a field; `None` if it is absent or null.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null())
    }

    /// Whether the key exists, even if its value is null.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    /// Removes and returns a field.
    pub fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    /// Sets a field.
    pub fn set(&mut self, field: &str, value: Value) {
        self.fields.insert(field.to_owned(), value);
    }

    /// Returns all fields that are lists, by their names.
    pub fn lists_mut(&mut self) -> impl Iterator<Item = (&str, &mut Vec<Value>)> {
        self.fields
            .iter_mut()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_array_mut()?)))
    }

    /// Returns the entry as JSON; numbers that are not finite become null.
    pub fn to_json(&self) -> String {
        self.clone().into_json()
    }

    /// Turns the entry into JSON; numbers that are not finite become null.
    pub fn into_json(self) -> String {
        let mut value = Value::Object(self.fields);
        drop_non_finite(&mut value);
        value.to_string()
    }

    /// Returns a required field.
    ///
    /// # Errors
    ///
    /// If it is absent or null.
    pub fn required(&self, field: &str, expected: &str) -> Result<&Value, Fault> {
        self.get(field).ok_or_else(|| {
            let found = if self.has(field) { "null" } else { "no such field" };
            Fault::new(field, expected, found, "add the field")
        })
    }

    /// Reads a required id.
    ///
    /// # Errors
    ///
    /// If it is absent, or neither an integer nor a string.
    pub fn id(&self, field: &str) -> Result<Id, Fault> {
        let expected = "a whole number or a text";
        let value = self.required(field, expected)?;
        Id::read(value).ok_or_else(|| {
            Fault::new(field, expected, describe(value), "write the id as a whole number")
        })
    }

    /// Reads a required finite number.
    ///
    /// # Errors
    ///
    /// If it is absent or not a finite number.
    pub fn number(&self, field: &str) -> Result<f64, Fault> {
        let expected = "a finite number";
        let value = self.required(field, expected)?;
        let mend = "write a number without quotes";
        value.as_f64().ok_or_else(|| Fault::new(field, expected, describe(value), mend))
    }

    /// Reads an integer of 0 or more; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// Any other value.
    pub fn count(&self, field: &str) -> Result<Option<u64>, Fault> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let count = whole_number(value).and_then(|count| u64::try_from(count).ok());
        count.map(Some).ok_or_else(|| {
            let mend = "write the number without quotes or a fraction";
            Fault::new(field, "a whole number of 0 or more", describe(value), mend)
        })
    }

    /// Reads `height` and `width`; `None` if both are absent.
    ///
    /// # Errors
    ///
    /// One without the other, no pixels, or too many.
    pub fn size(&self) -> Result<Option<ImageSize>, Fault> {
        const MEND: &str = "write the height and width of the image files";
        const EXPECTED: &str = "a number of pixels of 1 or more";
        if self.get("height").is_none() && self.get("width").is_none() {
            return Ok(None);
        }
        let side = |field: &str| {
            let value = self.required(field, EXPECTED)?;
            let side = whole_number(value).and_then(|side| u32::try_from(side).ok());
            side.filter(|&side| side > 0)
                .ok_or_else(|| Fault::new(field, EXPECTED, describe(value), MEND))
        };
        let size = ImageSize { height: side("height")?, width: side("width")? };
        size.checked().map(Some).map_err(|_too_large| {
            let expected = format!("at most {} pixels", ImageSize::MAX_PIXELS);
            Fault::new("height, width", expected, size.to_string(), MEND)
        })
    }

    /// Reads a string; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// Any other value.
    pub fn text(&self, field: &str) -> Result<Option<&str>, Fault> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value
            .as_str()
            .filter(|_| non_finite(value).is_none())
            .map(Some)
            .ok_or_else(|| Fault::new(field, "a text", describe(value), "write it in quotes"))
    }

    /// Reads `iscrowd` as Python does: any number except 0 is true; null and a missing key are
    /// false.
    ///
    /// # Errors
    ///
    /// A value that is neither a finite number nor a boolean.
    pub fn is_crowd(&self) -> Result<bool, Fault> {
        let Some(value) = self.get("iscrowd") else { return Ok(false) };
        match value {
            Value::Bool(is_crowd) => Ok(*is_crowd),
            Value::Number(_) => Ok(value.as_f64() != Some(0.0)),
            _ => Err(Fault::new("iscrowd", "0 or 1", describe(value), "write 0 or 1")),
        }
    }

    /// Tells whether a mark is set that nobody has to set, such as `ignore`; what is no mark is none.
    pub(crate) fn is_marked(&self, field: &str) -> bool {
        match self.get(field) {
            Some(Value::Bool(is_marked)) => *is_marked,
            Some(value @ Value::Number(_)) => value.as_f64() != Some(0.0),
            _ => false,
        }
    }

    /// Reads an id that nobody has to give; what is no id is none.
    pub(crate) fn id_if_any(&self, field: &str) -> Option<Id> {
        self.get(field).and_then(Id::read)
    }

    /// Reads a box.
    pub fn bbox(&self, field: &str) -> BoxField {
        self.get(field).map_or(BoxField::Absent, BoxField::read)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Entry;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let mut entry = Entry::default();
                while let Some(key) = map.next_key::<String>()? {
                    if entry.repeated_key.is_none() && entry.fields.contains_key(&key) {
                        entry.repeated_key = Some(key.as_str().into());
                    }
                    entry.fields.insert(key, map.next_value()?);
                }
                Ok(entry)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// The parser's message without line and column, which count from the start of the element.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    format!("a slip ({})", message.strip_suffix(&position).unwrap_or(&message))
}

#[cfg(test)]
mod tests;
