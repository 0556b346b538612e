//! All annotations, and what only several of them show together.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{Entry, Fault, Id};

use super::examination::{Examined, Found, examine};
use super::problem::{Kind, Problem, problem};
use super::records::Records;
use crate::ConvertError;

/// Examines all annotations, and returns how many there are.
pub(super) fn check(
    file: &Path,
    records: &Records,
    problems: &mut Vec<Problem>,
) -> Result<usize, ConvertError> {
    let mut list = Vec::new();
    let mut json = JsonFile::open(file)?;
    json.for_each_key(|json, key| {
        if json.kind_of_next()? != "a list" {
            return json.read_value(&mut Vec::new());
        }
        if key != "annotations" {
            return json.parse_list(|_index, _text| Ok(())).map(drop);
        }
        list = json.parse_list(|index, text| {
            let mut examined = examine(index, text, records);
            // The entries of a large file do not fit into memory at once.
            examined.entry = Entry::default();
            Ok(examined)
        })?;
        Ok(())
    })?;
    let num_annotations = list.len();
    let (mut ids, mut likenesses) = (HashSet::new(), HashMap::new());
    for examined in list {
        let Examined { place, id, likeness, mut found, .. } = examined;
        if let Some(id) = id {
            if id == Id::Number(0) {
                let fault = Fault::new(
                    "id",
                    "a number of 1 or more",
                    "0, which COCO's tools never match",
                    "number annotations from 1",
                );
                found.push(Found { kind: Kind::IdZero, frame: None, fault, is_fixable: true });
            }
            if !ids.insert(id.clone()) {
                let fault = Fault::new(
                    "id",
                    "an id that occurs once",
                    format!("{id} for the second time"),
                    "give every annotation an id of its own",
                );
                found.push(Found { kind: Kind::DuplicateId, frame: None, fault, is_fixable: true });
            }
        }
        if let Some(likeness) = likeness {
            if let Some(first) = likenesses.get(&likeness) {
                let fault = Fault::new(
                    "",
                    "an object of its own",
                    format!("the same masks as {first}"),
                    "remove one of the two",
                );
                found.push(Found { kind: Kind::SameObject, frame: None, fault, is_fixable: false });
            } else {
                likenesses.insert(likeness, place.clone());
            }
        }
        for Found { kind, frame, fault, is_fixable } in found {
            problems.push(Problem {
                frame,
                fixable: is_fixable,
                ..problem(file, &place, kind, fault)
            });
        }
    }
    Ok(num_annotations)
}
