//! The part of a COCO file whose classes a video dataset has, with that dataset's classes.
//!
//! Reference: SeqFormer `datasets/coco2seq.py`, which downloads such a file.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde_json::json;
use serde_json::value::RawValue;

use super::Categories;
use super::document::{self, Document};
use super::entry::Entry;
use super::ytvis::missing_list;
use crate::{CategoryMap, DataError};

/// What a subset has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CocoSubset {
    /// Images that show an object that is kept.
    pub images: usize,
    /// Objects whose class has a counterpart.
    pub annotations: usize,
    /// Objects that are left out.
    pub dropped: usize,
}

/// Writes to `output` the objects of the COCO file `json` that `map` has a category for, with the ids of
/// `target`, and the images that show them; `output` also says, under `category_map`, what became of which
/// id. The file is replaced when it is complete.
///
/// # Errors
///
/// A file that cannot be read or written, or an entry without the fields that this needs.
pub fn write_coco_subset(
    json: &Path,
    map: &CategoryMap,
    target: &Categories,
    output: &Path,
) -> Result<CocoSubset, DataError> {
    let text = document::read_text(json)?;
    let document = Document::parse(json, &text)?;
    let Some(images) = &document.images else {
        return Err(missing_list(json, "images", document.videos.is_some().then_some("YTVIS")));
    };
    let mut kept = Vec::new();
    let mut shown = HashSet::new();
    let mut dropped = 0;
    for (index, raw) in document.annotations.iter().flatten().enumerate() {
        let mut entry = Entry::parse(json, raw, "annotation", index)?;
        let category = map.get(entry.number("category_id")?);
        let Some(category) = category.filter(|&id| target.contiguous(id).is_some()) else {
            dropped += 1;
            continue;
        };
        shown.insert(entry.number("image_id")?);
        entry.set("category_id", category.into());
        kept.push(entry.to_json());
    }
    let mut shown_images: Vec<&RawValue> = Vec::new();
    for (index, raw) in images.iter().enumerate() {
        if shown.contains(&Entry::parse(json, raw, "image", index)?.number("id")?) {
            shown_images.push(raw);
        }
    }
    let subset = CocoSubset { images: shown_images.len(), annotations: kept.len(), dropped };
    seqformer_files::replace(output, |file| {
        write(BufWriter::new(file), map, target, &shown_images, &kept)
    })
    .map_err(|source| DataError::Write { path: output.to_owned(), source })?;
    Ok(subset)
}

fn write(
    mut to: impl Write,
    map: &CategoryMap,
    target: &Categories,
    images: &[&RawValue],
    annotations: &[String],
) -> io::Result<()> {
    let names = target.ids().iter().zip(target.names());
    let categories: Vec<_> = names.map(|(id, name)| json!({"id": id, "name": name})).collect();
    write!(to, "{{\"categories\": {}", serde_json::to_string(&categories)?)?;
    write!(to, ", \"category_map\": {}", serde_json::to_string(map.pairs())?)?;
    write_list(&mut to, "images", images.iter().map(|raw| raw.get()))?;
    write_list(&mut to, "annotations", annotations.iter().map(String::as_str))?;
    writeln!(to, "}}")?;
    to.flush()
}

fn write_list<'a>(
    to: &mut impl Write,
    key: &str,
    elements: impl Iterator<Item = &'a str>,
) -> io::Result<()> {
    write!(to, ", \"{key}\": [")?;
    for (index, element) in elements.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(to, "{comma}\n{element}")?;
    }
    write!(to, "]")
}

#[cfg(test)]
mod tests;
