//! Videos or images, and categories.

mod entry;
mod named_categories;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use seqformer_annotations::json::JsonFile;
use seqformer_annotations::{AnnotationError, Fault, Id};
use seqformer_masks::ImageSize;

pub(super) use self::entry::repeated_key;
use self::entry::{Examined, category, class_name, duplicate, image, same_file, video};
use super::problem::{Kind, Problem, problem};
use crate::ConvertError;

/// How messages call what is no entry of a list.
const WHOLE_FILE: &str = "the whole file";
/// The lists that matter.
const LISTS: [&str; 4] = ["videos", "images", "categories", "annotations"];

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
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// Its place in the file, for messages.
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

impl Records {
    /// Reads videos or images and categories, and reports what is wrong with them.
    pub(super) fn read(file: &Path, problems: &mut Vec<Problem>) -> Result<Self, ConvertError> {
        let mut lists: BTreeMap<&'static str, Vec<Examined<Record>>> = BTreeMap::new();
        let mut categories: Vec<Examined<Option<String>>> = Vec::new();
        let mut keys = BTreeSet::new();
        let mut json = JsonFile::open(file)?;
        json.for_each_key(|json, key| {
            if !keys.insert(key.to_owned()) {
                let fault = repeated_key(key);
                problems.push(problem(file, WHOLE_FILE, Kind::RepeatedKey, fault));
            }
            let kind = json.kind_of_next()?;
            if kind != "a list" {
                if LISTS.contains(&key) && kind != "null" {
                    let mend = "write a list in square brackets";
                    let fault = Fault::new(key, "a list", kind, mend);
                    problems.push(problem(file, WHOLE_FILE, Kind::WrongField, fault));
                }
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
            return Err(AnnotationError::wrong(file, WHOLE_FILE, fault).into());
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
        records.report_shared_files(problems);
        records.add_categories(categories, problems);
        records.check_named_categories(problems);
        Ok(records)
    }

    /// Reports images that another video or image has as well, once for each.
    fn report_shared_files(&self, problems: &mut Vec<Problem>) {
        let mut first_of: HashMap<PathBuf, (usize, usize)> = HashMap::new();
        for (index, record) in self.list.iter().enumerate() {
            let mut shared: Option<(usize, (usize, usize))> = None;
            let mut num_shared = 0;
            for (frame, name) in record.names.iter().enumerate() {
                let first = *first_of.entry(same_file(name)).or_insert((index, frame));
                if first.0 != index {
                    num_shared += 1;
                    shared.get_or_insert((frame, first));
                }
            }
            let Some((frame, (other, other_frame))) = shared else { continue };
            let (name, other) = (&record.names[frame], &self.list[other].place);
            let (field, found) = if self.has_videos {
                let more = match num_shared {
                    1 => String::new(),
                    2 => ", and another of it".to_owned(),
                    _ => format!(", and {} others of it", num_shared - 1),
                };
                let found = format!("{name:?}, as frame {other_frame} of {other} is{more}");
                (format!("file_names[{frame}]"), found)
            } else {
                ("file_name".to_owned(), format!("{name:?}, as {other} has"))
            };
            let mend = "name the image that belongs here, or remove one of the two";
            let fault = Fault::new(field, "an image that nothing else is", found, mend);
            self.report(&record.place, vec![(Kind::FrameTwice, fault)], problems);
        }
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
            let Some(name) = entry.value else { continue };
            if let Some(first) = names.get(&name) {
                let (found, mend) =
                    (format!("{name:?}, as {first} has"), "give each class a name of its own");
                let faults = vec![(Kind::CategoryName, class_name(found, mend))];
                self.report(&entry.place, faults, problems);
            } else {
                names.insert(name, entry.place);
            }
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
