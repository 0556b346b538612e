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
    let mut numbering = Numbering::read(file)?;
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
        let mut start = "[\n";
        let mut put_element = |put: &mut dyn FnMut(&[u8]), (text, is_mended): Element| {
            put(start.as_bytes());
            put(&text);
            start = ",\n";
            num_fixed += usize::from(is_mended);
        };
        match key {
            "annotations" if is_list => json.for_each_element(
                |index, text| Ok(Mended::new(index, text, records)),
                |mended| put_element(&mut put, numbering.renumber(mended)),
            )?,
            key if is_list && key == own => json.for_each_element(
                |index, text| Ok(mended_record(index, text, records)),
                |element| put_element(&mut put, element),
            )?,
            _ => {
                let mut text = Vec::new();
                json.read_value(&mut text)?;
                put(&text);
                return Ok(());
            }
        }
        put(if start == "[\n" { "[]" } else { "]" }.as_bytes());
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

fn mended_record(index: usize, text: &[u8], records: &Records) -> Element {
    let record = records.list.get(index);
    let size = record.and_then(|record| if record.size.is_none() { record.measured } else { None });
    let (Some(size), Ok(mut entry)) = (size, Entry::parse(text)) else {
        return (text.to_vec(), false);
    };
    entry.set("height", size.height.into());
    entry.set("width", size.width.into());
    (entry.into_json().into_bytes(), true)
}

/// An annotation with all mended but its id.
struct Mended {
    id: Option<Id>,
    entry: Entry,
    /// Its text, if nothing had to be mended.
    text: Option<Vec<u8>>,
}

impl Mended {
    fn new(index: usize, text: &[u8], records: &Records) -> Self {
        let examined = examine(index, text, records);
        // Numbers that are not finite are no JSON, so that such an entry is written anew in any case.
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
        let text = if examined.is_mended || !is_json { None } else { Some(text.to_vec()) };
        Self { id: examined.id, entry: examined.entry, text }
    }
}

/// Ids for annotations that have none of their own.
struct Numbering {
    unused: i64,
    seen: HashSet<Id>,
}

impl Numbering {
    /// Reads the ids of all annotations.
    fn read(file: &Path) -> Result<Self, AnnotationError> {
        let mut largest = 0;
        let mut json = JsonFile::open(file)?;
        json.for_each_key(|json, key| {
            if json.kind_of_next()? != "a list" {
                return json.read_value(&mut Vec::new());
            }
            let is_wanted = key == "annotations";
            json.for_each_element(
                |_index, text| {
                    let entry = if is_wanted { Entry::parse(text).ok() } else { None };
                    Ok(entry.and_then(|entry| entry.id("id").ok()))
                },
                |id| {
                    if let Some(Id::Number(number)) = id {
                        largest = largest.max(number);
                    }
                },
            )
        })?;
        Ok(Self { unused: largest.saturating_add(1), seen: HashSet::new() })
    }

    fn renumber(&mut self, mended: Mended) -> Element {
        let Mended { id, mut entry, text } = mended;
        let is_good = id.is_none_or(|id| id != Id::Number(0) && self.seen.insert(id));
        if !is_good {
            entry.set("id", self.unused.into());
            self.unused = self.unused.saturating_add(1);
            return (entry.into_json().into_bytes(), true);
        }
        match text {
            Some(text) => (text, false),
            None => (entry.into_json().into_bytes(), true),
        }
    }
}
