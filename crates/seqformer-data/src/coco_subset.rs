//! The objects of a COCO file whose classes exist in a video dataset, with that dataset's classes.
//!
//! Reference: SeqFormer `datasets/coco2seq.py`, which downloads such a file.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Id, read_list};
use serde_json::json;

use crate::{Categories, CategoryMap, DataError};

/// The size of a subset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CocoSubset {
    /// Images that contain a kept object.
    pub images: usize,
    /// Objects whose class has a counterpart.
    pub annotations: usize,
    /// Dropped objects.
    pub dropped: usize,
}

/// Writes to `output` the objects of the COCO file `json` for which `map` has a category, with the ids of `target`, and
/// their images. `category_map` in `output` records how ids were mapped. The file appears when it is complete.
///
/// # Errors
///
/// A file that cannot be read or written, or an entry without a required field.
pub fn write_coco_subset(
    json: &Path,
    map: &CategoryMap,
    target: &Categories,
    output: &Path,
) -> Result<CocoSubset, DataError> {
    let lists = Lists::read(json, map, target)?;
    let shown: HashSet<&Id> = lists.kept.iter().map(|kept| &kept.image).collect();
    let is_shown = |(id, _): &&(Id, Box<str>)| shown.contains(id);
    let images: Vec<&str> = lists.images.iter().filter(is_shown).map(|(_, text)| &**text).collect();
    let subset =
        CocoSubset { images: images.len(), annotations: lists.kept.len(), dropped: lists.dropped };
    seqformer_files::replace(output, |file| {
        write(BufWriter::new(file), map, target, &images, &lists.kept)
    })
    .map_err(|source| DataError::Write { path: output.to_owned(), source })?;
    Ok(subset)
}

/// An object whose class has a counterpart.
struct KeptObject {
    image: Id,
    /// The annotation with its new category.
    text: Box<str>,
}

/// Candidates from a COCO file.
#[derive(Default)]
struct Lists {
    /// All images, with their texts.
    images: Vec<(Id, Box<str>)>,
    kept: Vec<KeptObject>,
    dropped: usize,
}

impl Lists {
    fn read(json: &Path, map: &CategoryMap, target: &Categories) -> Result<Self, DataError> {
        let mut lists = Self::default();
        let (mut has_images, mut has_videos) = (false, false);
        let mut file = JsonFile::open(json)?;
        let object = |text: &[u8]| {
            let mut entry = Entry::parse(text)?;
            let category = match entry.id("category_id")? {
                Id::Number(id) => u64::try_from(id).ok().and_then(|id| map.get(id)),
                Id::Text(_) => None,
            };
            let category = category.filter(|&id| target.contiguous(id).is_some());
            let Some(category) = category else { return Ok(None) };
            let image = entry.id("image_id")?;
            entry.set("category_id", category.into());
            Ok(Some(KeptObject { image, text: entry.to_json().into() }))
        };
        let image = |text: &[u8]| {
            let entry = Entry::parse(text)?;
            Ok((entry.id("id")?, entry.to_json().into()))
        };
        file.for_each_key(|file, key| {
            match key {
                "images" => {
                    has_images = true;
                    lists.images = read_list(file, key, image)?;
                }
                "annotations" if !file.skip_null()? => {
                    let objects: Vec<Option<KeptObject>> = read_list(file, key, object)?;
                    let num_objects = objects.len();
                    lists.kept = objects.into_iter().flatten().collect();
                    lists.dropped = num_objects - lists.kept.len();
                }
                "annotations" => {}
                _ => {
                    has_videos |= key == "videos";
                    file.read_value(&mut Vec::new())?;
                }
            }
            Ok(())
        })?;
        file.finish()?;
        if has_images {
            return Ok(lists);
        }
        let found = if has_videos { "a YTVIS file" } else { "no such list" };
        let mend = "give COCO's annotations, such as instances_train2017.json";
        let fault = Fault::new("images", "a list", found, mend);
        Err(AnnotationError::wrong(json, "the whole file", fault).into())
    }
}

fn write(
    mut to: impl Write,
    map: &CategoryMap,
    target: &Categories,
    images: &[&str],
    annotations: &[KeptObject],
) -> io::Result<()> {
    let names = target.ids().iter().zip(target.names());
    let categories: Vec<_> = names.map(|(id, name)| json!({"id": id, "name": name})).collect();
    write!(to, "{{\"categories\": {}", serde_json::to_string(&categories)?)?;
    write!(to, ", \"category_map\": {}", serde_json::to_string(map.pairs())?)?;
    write_list(&mut to, "images", images.iter().copied())?;
    write_list(&mut to, "annotations", annotations.iter().map(|kept| &*kept.text))?;
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
