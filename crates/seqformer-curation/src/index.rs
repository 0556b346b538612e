//! The videos and classes of a YouTube-VIS file, and to which of them each annotation belongs.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{
    AnnotationError, Entry, Fault, Id, place_of, read_category_ids, read_list,
};
use seqformer_convert::MAX_FRAMES;
use serde::Deserialize;
use serde_json::Value;

/// The videos and classes of a file.
#[derive(Debug)]
pub(crate) struct Index {
    /// The file.
    pub(crate) path: PathBuf,
    /// The videos in their order.
    pub(crate) videos: Vec<IndexedVideo>,
    /// The classes in their order.
    pub(crate) classes: Vec<IndexedClass>,
    videos_by_id: HashMap<Id, usize>,
    classes_by_id: HashMap<Id, usize>,
}

/// A video.
#[derive(Debug)]
pub(crate) struct IndexedVideo {
    /// Its id in the file.
    pub(crate) id: Id,
    /// The folder of its frames; its id if there is none.
    pub(crate) name: String,
    /// The image files of its frames, as far as the file names them.
    pub(crate) file_names: Vec<String>,
    /// The number of its frames.
    pub(crate) length: usize,
}

/// A class.
#[derive(Debug)]
pub(crate) struct IndexedClass {
    /// Its id in the file.
    pub(crate) id: Id,
    /// Its name; the id if there is none.
    pub(crate) name: String,
    /// The entry as it is in the file.
    pub(crate) entry: Entry,
}

/// The video and class of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The place of its video in the list.
    pub(crate) video: usize,
    /// The place of its class in the list.
    pub(crate) class: usize,
}

/// The fields of an annotation that refer to other entries; masks are skipped.
#[derive(Debug, Deserialize)]
struct Fields {
    video_id: Value,
    category_id: Value,
}

impl Index {
    /// Reads the videos and classes of a file.
    pub(crate) fn read(path: &Path) -> Result<Self, AnnotationError> {
        let (mut videos, mut classes) = (None, Vec::new());
        let mut file = JsonFile::open(path)?;
        file.for_each_key(|file, key| {
            match key {
                "videos" => videos = Some(read_list(file, key, video)?),
                "categories" if !file.skip_null()? => classes = read_list(file, key, class)?,
                _ => skip(file)?,
            }
            Ok(())
        })?;
        file.finish()?;
        let Some(videos) = videos else {
            let mend = "give a file of YouTube-VIS, or another format with --from";
            let fault = Fault::new("videos", "a list", "no such list", mend);
            return Err(AnnotationError::wrong(path, "the whole file", fault));
        };
        let videos_by_id = by_id(path, "videos", videos.iter().map(|video| &video.id))?;
        let classes_by_id = by_id(path, "categories", classes.iter().map(|class| &class.id))?;
        Ok(Self { path: path.to_path_buf(), videos, classes, videos_by_id, classes_by_id })
    }

    /// Finds the classes that a list of a video names; `None` if it has no such list.
    pub(crate) fn listed_classes(
        &self,
        (at, entry): (usize, &Entry),
        field: &str,
    ) -> Result<Option<Vec<usize>>, AnnotationError> {
        let wrong =
            |fault| AnnotationError::wrong(&self.path, place_of("videos", at, entry), fault);
        let Some(ids) = read_category_ids(entry, field).map_err(wrong)? else { return Ok(None) };
        let class = |id: &Id| {
            self.classes_by_id.get(id).copied().ok_or_else(|| {
                let mend = "add the category, or take the id out of the list";
                let expected = "the ids of categories of the file";
                wrong(Fault::new(field, expected, id.to_string(), mend))
            })
        };
        ids.iter().map(class).collect::<Result<_, AnnotationError>>().map(Some)
    }

    /// Finds the video and class of an annotation.
    pub(crate) fn refer(&self, index: usize, text: &[u8]) -> Result<Reference, AnnotationError> {
        let wrong = |fault| {
            let entry = Entry::parse(text).unwrap_or_default();
            AnnotationError::wrong(&self.path, place_of("annotations", index, &entry), fault)
        };
        let quick = serde_json::from_slice::<Fields>(text)
            .ok()
            .and_then(|fields| Some((Id::read(&fields.video_id)?, Id::read(&fields.category_id)?)));
        let (video, class) = match quick {
            Some(ids) => ids,
            // The full parser reports what is wrong with it.
            None => Entry::parse(text)
                .and_then(|entry| Ok((entry.id("video_id")?, entry.id("category_id")?)))
                .map_err(wrong)?,
        };
        let unknown = |field: &str, what: &str, id: &Id| {
            let mend = format!("add the {what}, correct the id or remove the entry");
            let expected = format!("the id of a {what} of the file");
            wrong(Fault::new(field, expected, id.to_string(), mend))
        };
        let found = |by_id: &HashMap<Id, usize>, id| by_id.get(id).copied();
        Ok(Reference {
            video: found(&self.videos_by_id, &video)
                .ok_or_else(|| unknown("video_id", "video", &video))?,
            class: found(&self.classes_by_id, &class)
                .ok_or_else(|| unknown("category_id", "category", &class))?,
        })
    }

    /// Reads the video and class of every annotation.
    pub(crate) fn references(&self) -> Result<Vec<Reference>, AnnotationError> {
        let mut found = Vec::new();
        JsonFile::open(&self.path)?.for_each_key(|file, key| {
            if key == "annotations" && !file.skip_null()? {
                found = file.parse_list(|index, text| self.refer(index, text))?;
                return Ok(());
            }
            if key == "annotations" { Ok(()) } else { skip(file) }
        })?;
        Ok(found)
    }
}

/// Skips a value; a list element by element, because it may not fit into memory.
pub(crate) fn skip(file: &mut JsonFile) -> Result<(), AnnotationError> {
    if file.kind_of_next()? == "a list" {
        return file.for_each_element(|_index, _text| Ok(()), |()| {});
    }
    file.read_value(&mut Vec::new())
}

fn video(text: &[u8]) -> Result<IndexedVideo, Fault> {
    let entry = Entry::parse(text)?;
    let id = entry.id("id")?;
    let names = entry.get("file_names").and_then(Value::as_array);
    let name = |name: &Value| {
        name.as_str().map(str::to_owned).ok_or_else(|| {
            Fault::new("file_names", "a list of texts", "something else", "write names in quotes")
        })
    };
    let file_names: Vec<String> =
        names.into_iter().flatten().map(name).collect::<Result<_, Fault>>()?;
    let length = match entry.count("length")? {
        Some(length) => length as usize,
        None if names.is_some() => file_names.len(),
        None => {
            let found = "neither it nor file_names";
            let mend = "write the number of frames";
            return Err(Fault::new("length", "a whole number of 0 or more", found, mend));
        }
    };
    if length > MAX_FRAMES {
        let (expected, found) = (format!("at most {MAX_FRAMES} frames"), length.to_string());
        return Err(Fault::new("length", expected, found, "write the number of frames"));
    }
    let name = match entry.get("name").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => folder(&file_names).unwrap_or_else(|| id.to_string().trim_matches('"').to_owned()),
    };
    Ok(IndexedVideo { id, name, file_names, length })
}

/// Returns the folder of all frames.
fn folder(names: &[String]) -> Option<String> {
    let folder = |name: &String| Some(name.rsplit_once(['/', '\\'])?.0.to_owned());
    let first = folder(names.first()?)?;
    names.iter().all(|name| folder(name).as_ref() == Some(&first)).then_some(first)
}

fn class(text: &[u8]) -> Result<IndexedClass, Fault> {
    let entry = Entry::parse(text)?;
    let id = entry.id("id")?;
    let name = match entry.text("name")? {
        Some(name) => name.to_owned(),
        None => id.to_string().trim_matches('"').to_owned(),
    };
    Ok(IndexedClass { id, name, entry })
}

fn by_id<'a>(
    path: &Path,
    list: &str,
    ids: impl Iterator<Item = &'a Id>,
) -> Result<HashMap<Id, usize>, AnnotationError> {
    let mut by_id = HashMap::new();
    for (index, id) in ids.enumerate() {
        if by_id.insert(id.clone(), index).is_some() {
            let mend = "give every entry of the list an id of its own";
            let found = format!("{id} for the second time");
            let fault = Fault::new("id", "an id that occurs once", found, mend);
            return Err(AnnotationError::wrong(path, format!("{list}[{index}] (id {id})"), fault));
        }
    }
    Ok(by_id)
}
