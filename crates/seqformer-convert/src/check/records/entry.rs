//! Single entries of the lists.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use seqformer_annotations::{Entry, Fault, Id, describe, place_of};
use seqformer_masks::ImageSize;
use serde_json::Value;

use super::Record;
use super::named_categories::named_categories;
use crate::check::problem::Kind;

/// An entry that was looked at on its own.
pub(super) struct Examined<T> {
    pub(super) id: Option<Id>,
    pub(super) place: String,
    pub(super) value: T,
    pub(super) faults: Vec<(Kind, Fault)>,
}

pub(super) fn class_name(found: impl Into<String>, mend: &str) -> Fault {
    Fault::new("name", "a name that no other class has", found, mend)
}

pub(super) fn duplicate(id: &Id) -> Fault {
    let mend = "give every entry of the list an id of its own";
    Fault::new("id", "an id that occurs once", format!("{id} for the second time"), mend)
}

/// What is said of a key that occurs twice.
pub(in crate::check) fn repeated_key(key: &str) -> Fault {
    let found = "it for the second time, of which the last value counts";
    Fault::new(key, "a key that occurs once", found, "remove all but one")
}

fn examined<T: Default>(
    list: &str,
    index: usize,
    text: &[u8],
    mut read: impl FnMut(&Entry, &mut Vec<(Kind, Fault)>) -> T,
) -> Examined<T> {
    let entry = match Entry::parse(text) {
        Ok(entry) => entry,
        Err(fault) => {
            let (place, faults) =
                (place_of(list, index, &Entry::default()), vec![(Kind::WrongField, fault)]);
            return Examined { id: None, place, value: T::default(), faults };
        }
    };
    let mut faults = Vec::new();
    if let Some(key) = entry.repeated_key() {
        faults.push((Kind::RepeatedKey, repeated_key(key)));
    }
    let id = entry.id("id").map_err(|fault| faults.push((Kind::WrongField, fault))).ok();
    let value = read(&entry, &mut faults);
    Examined { id, place: place_of(list, index, &entry), value, faults }
}

pub(super) fn video(index: usize, text: &[u8]) -> Examined<Record> {
    examined("videos", index, text, |entry, faults| {
        let names = names(entry, faults);
        let size = size(entry, faults);
        let given = entry
            .count("length")
            .map_err(|fault| faults.push((Kind::WrongField, fault)))
            .ok()
            .flatten();
        let given = given.map(|length| length as usize);
        if let (Some(length), Some(names)) = (given, &names)
            && length != names.len()
        {
            let expected = format!("a name for each of the {length} frames");
            let mend = "name the image of every frame, or correct the length";
            faults.push((
                Kind::LengthMismatch,
                Fault::new("file_names", expected, format!("{} names", names.len()), mend),
            ));
        }
        let length = given.or(names.as_ref().map(Vec::len));
        if length.is_none() {
            let fault = Fault::new(
                "length",
                "the number of frames",
                "neither it nor file_names",
                "write the number of frames",
            );
            faults.push((Kind::WrongField, fault));
        }
        if length == Some(0) {
            let mend = "remove the video, or write its frames";
            let fault = Fault::new("length", "a frame or more", "0", mend);
            faults.push((Kind::NoFrames, fault));
        }
        let names = names.unwrap_or_default();
        let mut seen = HashMap::new();
        for (frame, name) in names.iter().enumerate() {
            if let Some(first) = seen.insert(same_file(name), frame) {
                let found = format!("{name:?}, as frame {first} is");
                let mend = "name the image of the frame, or remove the frame with its masks";
                faults.push((
                    Kind::FrameTwice,
                    Fault::new(
                        format!("file_names[{frame}]"),
                        "an image that no other frame is",
                        found,
                        mend,
                    ),
                ));
            }
        }
        let named_categories = named_categories(entry, faults);
        let place = place_of("videos", index, entry);
        Record { place, size, length, names, measured: None, named_categories }
    })
}

pub(super) fn image(index: usize, text: &[u8]) -> Examined<Record> {
    examined("images", index, text, |entry, faults| {
        let name = entry
            .text("file_name")
            .map_err(|fault| faults.push((Kind::WrongField, fault)))
            .ok()
            .flatten();
        let names = name.map(str::to_owned).into_iter().collect();
        let size = size(entry, faults);
        Record {
            place: place_of("images", index, entry),
            size,
            length: Some(1),
            names,
            measured: None,
            named_categories: named_categories(entry, faults),
        }
    })
}

pub(super) fn category(index: usize, text: &[u8]) -> Examined<Option<String>> {
    examined("categories", index, text, |entry, faults| {
        let mend = "give the class a name";
        match entry.text("name") {
            Ok(Some(name)) if !name.trim().is_empty() => return Some(name.to_owned()),
            Ok(Some(name)) => {
                faults.push((Kind::CategoryName, class_name(format!("{name:?}"), mend)));
            }
            Ok(None) => faults.push((Kind::CategoryName, class_name("no name", mend))),
            Err(fault) => faults.push((Kind::WrongField, fault)),
        }
        None
    })
}

/// The name of a file without what makes no difference: `./a//b` is `a/b`.
pub(super) fn same_file(name: &str) -> PathBuf {
    Path::new(name).components().filter(|&part| part != Component::CurDir).collect()
}

fn size(entry: &Entry, faults: &mut Vec<(Kind, Fault)>) -> Option<ImageSize> {
    match entry.size() {
        Ok(Some(size)) => Some(size),
        Ok(None) => {
            let mend = "write the height and width of the image files";
            let fault = Fault::new(
                "height, width",
                "a number of pixels of 1 or more",
                "no such fields",
                mend,
            );
            faults.push((Kind::WrongField, fault));
            None
        }
        Err(fault) => {
            faults.push((Kind::WrongField, fault));
            None
        }
    }
}

fn names(entry: &Entry, faults: &mut Vec<(Kind, Fault)>) -> Option<Vec<String>> {
    let value = entry.get("file_names")?;
    let name = |name: &Value| name.as_str().map(str::to_owned);
    let names = value.as_array().and_then(|names| names.iter().map(name).collect());
    if names.is_none() {
        let other =
            value.as_array().and_then(|names| names.iter().position(|name| !name.is_string()));
        let fault = if let Some(frame) = other {
            let (field, found) = (format!("file_names[{frame}]"), describe(&value[frame]));
            Fault::new(field, "a text", found, "write the image file of the frame in quotes")
        } else {
            let mend = "write the image file of every frame in square brackets";
            Fault::new("file_names", "a list of texts", describe(value), mend)
        };
        faults.push((Kind::WrongField, fault));
    }
    names
}
