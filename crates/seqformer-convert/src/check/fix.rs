//! A new file with all mended that needs no guess.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Id};
use seqformer_files::TemporaryFile;

use super::examination::examine;
use super::records::Records;
use crate::ConvertError;

/// Writes the file anew, and returns how many entries were mended.
///
/// Masks without pixels become null, boxes and areas those of the masks, ids of annotations differ and are not 0, and
/// videos get the size of their frames where they have none. All else stays as it is.
pub(super) fn write(file: &Path, records: &Records, output: &Path) -> Result<usize, ConvertError> {
    let failed = |source| ConvertError::write(output, source);
    let mut temporary = TemporaryFile::beside(output, "").map_err(failed)?;
    let num_fixed = fill(file, records, temporary.file_mut(), output)?;
    temporary.persist(output).map_err(failed)?;
    Ok(num_fixed)
}

fn fill(
    file: &Path,
    records: &Records,
    to: &mut File,
    output: &Path,
) -> Result<usize, ConvertError> {
    let mut to = BufWriter::new(to);
    let mut num_fixed = 0;
    // An error of writing waits here, because a walk has errors of reading.
    let mut unwritten: Option<io::Error> = None;
    let mut is_first = true;
    let mut json = JsonFile::open(file)?;
    let walk = json.for_each_key(|json, key| {
        let start = if is_first { "{" } else { ",\n" };
        is_first = false;
        let mut put = |text: &[u8]| {
            if unwritten.is_none() {
                unwritten = to.write_all(text).err();
            }
        };
        put(start.as_bytes());
        put(serde_json::Value::from(key).to_string().as_bytes());
        put(b": ");
        let is_list = json.kind_of_next()? == "a list";
        let own = if records.has_videos { "videos" } else { "images" };
        let elements = match key {
            "annotations" if is_list => mended_annotations(json, records)?,
            key if is_list && key == own => mended_records(json, records)?,
            _ => {
                let mut text = Vec::new();
                json.read_value(&mut text)?;
                put(&text);
                return Ok(());
            }
        };
        put(b"[");
        for (index, (text, is_mended)) in elements.iter().enumerate() {
            put(if index == 0 { b"\n" } else { b",\n" });
            put(text);
            num_fixed += usize::from(*is_mended);
        }
        put(b"]");
        Ok(())
    });
    walk?;
    let end = if is_first { "{}\n" } else { "}\n" };
    let written = match unwritten {
        Some(error) => Err(error),
        None => to.write_all(end.as_bytes()).and_then(|()| to.flush()),
    };
    written.map_err(|source| ConvertError::write(output, source))?;
    Ok(num_fixed)
}

/// The text of an element, and whether it was mended.
type Element = (Vec<u8>, bool);

fn mended_records(json: &mut JsonFile, records: &Records) -> Result<Vec<Element>, AnnotationError> {
    json.parse_list(|index, text| {
        let record = records.list.get(index);
        let size =
            record.and_then(|record| if record.size.is_none() { record.measured } else { None });
        let (Some(size), Ok(mut entry)) = (size, Entry::parse(text)) else {
            return Ok((text.to_vec(), false));
        };
        entry.set("height", size.height.into());
        entry.set("width", size.width.into());
        Ok((entry.to_json().into_bytes(), true))
    })
}

fn mended_annotations(
    json: &mut JsonFile,
    records: &Records,
) -> Result<Vec<Element>, AnnotationError> {
    let list = json.parse_list(|index, text| {
        let examined = examine(index, text, records);
        // Numbers that are not finite are no JSON, so that such an entry is written anew in any case.
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
        let text = if examined.is_mended || !is_json { None } else { Some(text.to_vec()) };
        Ok((examined.id, examined.entry, text))
    })?;
    let taken: HashSet<Id> = list.iter().filter_map(|(id, ..)| id.clone()).collect();
    let largest =
        taken.iter().map(|id| if let Id::Number(number) = id { *number } else { 0 }).max();
    let mut unused = largest.unwrap_or(0).max(0) + 1;
    let mut seen = HashSet::new();
    let renumber = |(id, mut entry, text): (Option<Id>, Entry, Option<Vec<u8>>)| {
        let is_good = id.is_none_or(|id| id != Id::Number(0) && seen.insert(id));
        if !is_good {
            entry.set("id", unused.into());
            unused += 1;
            return (entry.to_json().into_bytes(), true);
        }
        match text {
            Some(text) => (text, false),
            None => (entry.to_json().into_bytes(), true),
        }
    };
    Ok(list.into_iter().map(renumber).collect())
}
