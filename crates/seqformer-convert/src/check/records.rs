//! Videos or images, and categories.

mod named_categories;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Entry, Fault, Id, describe, place_of};
use seqformer_masks::ImageSize;
use serde_json::Value;

use self::named_categories::named_categories;
use super::problem::{Kind, Problem, problem};
use crate::ConvertError;

/// What annotations refer to.
#[derive(Debug)]
pub(super) struct Records {
    /// The file.
    pub(super) file: PathBuf,
    /// Whether it has videos instead of images.
    pub(super) has_videos: bool,
    /// The videos or images in their order.
    pub(super) list: Vec<Record>,
    /// The first of each id, by its place in the list.
    pub(super) by_id: HashMap<Id, usize>,
    /// The ids of the categories.
    pub(super) categories: BTreeSet<Id>,
}

/// A video, or an image as a video of one frame.
#[derive(Debug, Clone)]
pub(super) struct Record {
    /// How messages call it.
    pub(super) place: String,
    /// The size in the file.
    pub(super) size: Option<ImageSize>,
    /// How many frames it has.
    pub(super) length: Option<usize>,
    /// The image files.
    pub(super) names: Vec<String>,
    /// The size that all image files have, where they were opened and the file does not say it.
    pub(super) measured: Option<ImageSize>,
    /// The ids of categories by the lists that name them.
    named_categories: Vec<(&'static str, Id)>,
}

/// An entry that was looked at on its own.
struct Examined<T> {
    id: Option<Id>,
    place: String,
    value: T,
    faults: Vec<(Kind, Fault)>,
}

impl Records {
    /// Reads videos or images and categories, and reports what is wrong with them.
    pub(super) fn read(file: &Path, problems: &mut Vec<Problem>) -> Result<Self, ConvertError> {
        let mut lists: BTreeMap<&'static str, Vec<Examined<Record>>> = BTreeMap::new();
        let mut categories: Vec<Examined<Option<String>>> = Vec::new();
        let mut json = JsonFile::open(file)?;
        json.for_each_key(|json, key| {
            if json.kind_of_next()? != "a list" {
                return json.read_value(&mut Vec::new());
            }
            match key {
                "videos" => drop(
                    lists.insert("videos", json.parse_list(|index, text| Ok(video(index, text)))?),
                ),
                "images" => drop(
                    lists.insert("images", json.parse_list(|index, text| Ok(image(index, text)))?),
                ),
                "categories" => {
                    categories = json.parse_list(|index, text| Ok(category(index, text)))?;
                }
                _ => drop(json.parse_list(|_index, _text| Ok(()))?),
            }
            Ok(())
        })?;
        json.finish()?;
        // CocoVID has both; its annotations are of images.
        let has_videos = !lists.contains_key("images");
        let list = if has_videos { lists.remove("videos") } else { lists.remove("images") };
        let Some(list) = list else {
            let fault = Fault::new(
                "",
                "a list videos or images",
                "neither",
                "give a YouTube-VIS or COCO file; `data convert` reads others",
            );
            return Err(AnnotationError::wrong(file, "the whole file", fault).into());
        };
        let mut records = Self {
            file: file.to_path_buf(),
            has_videos,
            list: Vec::with_capacity(list.len()),
            by_id: HashMap::new(),
            categories: BTreeSet::new(),
        };
        for (index, entry) in list.into_iter().enumerate() {
            records.report(&entry.place, entry.faults, problems);
            if let Some(id) = entry.id {
                // Annotations mean the first of several.
                let first = *records.by_id.entry(id.clone()).or_insert(index);
                if first != index {
                    let faults = vec![(Kind::DuplicateId, duplicate(&id))];
                    records.report(&entry.place, faults, problems);
                }
            }
            records.list.push(entry.value);
        }
        records.add_categories(categories, problems);
        records.check_named_categories(problems);
        Ok(records)
    }

    fn add_categories(&mut self, list: Vec<Examined<Option<String>>>, problems: &mut Vec<Problem>) {
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for entry in list {
            self.report(&entry.place, entry.faults, problems);
            if let Some(id) = entry.id
                && !self.categories.insert(id.clone())
            {
                self.report(&entry.place, vec![(Kind::DuplicateId, duplicate(&id))], problems);
            }
            let (found, mend) = match entry.value {
                None => ("no name".to_owned(), "give the class a name"),
                Some(name) => {
                    let first = names.entry(name.clone()).or_insert_with(|| entry.place.clone());
                    if *first == entry.place {
                        continue;
                    }
                    (format!("{name:?}, as {first} has"), "give each class a name of its own")
                }
            };
            let fault = Fault::new("name", "a name that no other class has", found, mend);
            self.report(&entry.place, vec![(Kind::CategoryName, fault)], problems);
        }
    }

    /// Reports categories that a video or image names and the file does not list.
    fn check_named_categories(&self, problems: &mut Vec<Problem>) {
        for record in &self.list {
            let named = record.named_categories.iter();
            let faults =
                named.filter(|(_, id)| !self.categories.contains(id)).map(|(field, id)| {
                    let mend = "add the category, or take the id out of the list";
                    let expected = "the ids of categories of the file";
                    (Kind::UnknownCategory, Fault::new(*field, expected, id.to_string(), mend))
                });
            self.report(&record.place, faults.collect(), problems);
        }
    }

    fn report(&self, place: &str, faults: Vec<(Kind, Fault)>, problems: &mut Vec<Problem>) {
        problems.extend(
            faults.into_iter().map(|(kind, fault)| problem(&self.file, place, kind, fault)),
        );
    }
}

fn duplicate(id: &Id) -> Fault {
    let mend = "give every entry of the list an id of its own";
    Fault::new("id", "an id that occurs once", format!("{id} for the second time"), mend)
}

fn examined<T>(
    list: &str,
    index: usize,
    text: &[u8],
    mut read: impl FnMut(&Entry, &mut Vec<(Kind, Fault)>) -> T,
) -> Examined<T> {
    let (entry, fault) = match Entry::parse(text) {
        Ok(entry) => (entry, None),
        Err(fault) => (Entry::default(), Some(fault)),
    };
    let mut faults: Vec<(Kind, Fault)> =
        fault.map(|fault| (Kind::WrongField, fault)).into_iter().collect();
    let id = entry.id("id").map_err(|fault| faults.push((Kind::WrongField, fault))).ok();
    let value = read(&entry, &mut faults);
    Examined { id, place: place_of(list, index, &entry), value, faults }
}

fn video(index: usize, text: &[u8]) -> Examined<Record> {
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
        let names = names.unwrap_or_default();
        let mut seen = HashMap::new();
        for (frame, name) in names.iter().enumerate() {
            if let Some(first) = seen.insert(name, frame) {
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

fn image(index: usize, text: &[u8]) -> Examined<Record> {
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

fn category(index: usize, text: &[u8]) -> Examined<Option<String>> {
    examined("categories", index, text, |entry, faults| {
        entry
            .text("name")
            .map_err(|fault| faults.push((Kind::WrongField, fault)))
            .ok()
            .flatten()
            .map(str::to_owned)
    })
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
        let mend = "write the image file of every frame in square brackets";
        faults.push((
            Kind::WrongField,
            Fault::new("file_names", "a list of texts", describe(value), mend),
        ));
    }
    names
}
