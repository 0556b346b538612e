//! Which classes are completely annotated in the pictures of a COCO file.
//!
//! `exhaustive_category_ids` of a picture lists them. Files of LVIS have `neg_category_ids`, the classes that are not in
//! the picture, and `not_exhaustive_category_ids`, those of which only some objects are annotated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Id, describe, read_list};
use serde_json::Value;

const EXHAUSTIVE: &str = "exhaustive_category_ids";
const NOT_EXHAUSTIVE: &str = "not_exhaustive_category_ids";
const NEGATIVE: &str = "neg_category_ids";

/// What a picture says of the completeness of its annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Completeness {
    /// These classes are complete.
    Exhaustive(BTreeSet<Id>),
    /// Classes with objects are complete except for some; classes that are known to be absent are complete, too.
    Lvis { not_exhaustive: BTreeSet<Id>, negative: BTreeSet<Id> },
}

impl Completeness {
    /// Returns the complete classes of a picture with objects of the classes `annotated`.
    pub(super) fn complete(&self, annotated: BTreeSet<Id>) -> Vec<Id> {
        match self {
            Self::Exhaustive(ids) => ids.iter().cloned().collect(),
            Self::Lvis { not_exhaustive, negative } => {
                let known: BTreeSet<Id> = annotated.union(negative).cloned().collect();
                known.difference(not_exhaustive).cloned().collect()
            }
        }
    }
}

/// Reads what the pictures of a file say, by their ids; pictures that say nothing are complete and left out.
///
/// # Errors
///
/// A file that cannot be read, or a list that is none of ids.
pub(super) fn read(json: &Path) -> Result<BTreeMap<Id, Completeness>, AnnotationError> {
    let mut file = JsonFile::open(json)?;
    let mut pictures = Vec::new();
    file.for_each_key(|file, key| {
        if key == "images" {
            pictures = read_list(file, key, parse)?;
            return Ok(());
        }
        if file.kind_of_next()? == "a list" {
            return file.parse_list(|_index, _text| Ok(())).map(drop);
        }
        file.read_value(&mut Vec::new())
    })?;
    file.finish()?;
    Ok(pictures.into_iter().flatten().collect())
}

fn parse(text: &[u8]) -> Result<Option<(Id, Completeness)>, Fault> {
    let entry = Entry::parse(text)?;
    let found = if let Some(ids) = id_list(&entry, EXHAUSTIVE)? {
        Completeness::Exhaustive(ids)
    } else {
        let (not_exhaustive, negative) =
            (id_list(&entry, NOT_EXHAUSTIVE)?, id_list(&entry, NEGATIVE)?);
        if not_exhaustive.is_none() && negative.is_none() {
            return Ok(None);
        }
        Completeness::Lvis {
            not_exhaustive: not_exhaustive.unwrap_or_default(),
            negative: negative.unwrap_or_default(),
        }
    };
    Ok(Some((entry.id("id")?, found)))
}

fn id_list(entry: &Entry, field: &str) -> Result<Option<BTreeSet<Id>>, Fault> {
    const EXPECTED: &str = "a list of ids of categories";
    const MEND: &str = "write the ids in square brackets, or remove the field";
    let Some(value) = entry.get(field) else { return Ok(None) };
    let Value::Array(list) = value else {
        return Err(Fault::new(field, EXPECTED, describe(value), MEND));
    };
    let id = |(index, value): (usize, &Value)| {
        let wrong = || Fault::new(format!("{field}[{index}]"), EXPECTED, describe(value), MEND);
        Id::read(value).ok_or_else(wrong)
    };
    list.iter().enumerate().map(id).collect::<Result<_, _>>().map(Some)
}

/// Writes an id as it was read.
pub(super) fn to_json(id: &Id) -> Value {
    match id {
        Id::Number(number) => Value::from(*number),
        Id::Text(text) => Value::from(&**text),
    }
}
