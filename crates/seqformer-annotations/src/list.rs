//! The lists of a file, and the names of their entries in messages.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;

use crate::json::JsonFile;
use crate::note::{Counter, Note, Subject};
use crate::{AnnotationError, Entry, Fault, Id, Ids};

/// The place of faults that concern the file as a whole.
pub(crate) const WHOLE_FILE: &str = "the whole file";

/// A class of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The number by which annotations refer to it.
    pub id: i64,
    /// Its name.
    pub name: String,
}

/// The categories of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CategoryList {
    /// By id.
    pub by_id: BTreeMap<i64, Category>,
    /// How the ids of the file map to numbers.
    pub ids: Ids,
    /// Number of categories without a name, which are called by their id.
    unnamed: usize,
    /// Categories of TAO that are part of another one (`merged`), with that one.
    merged: HashMap<Id, Id>,
    /// Whether the file is of TAO, which refers to categories that it does not list.
    pub(crate) is_of_tao: bool,
}

/// Reads a list; errors contain the index and ids of the element.
///
/// # Errors
///
/// A value that is not a list, and the first element that `parse` rejects.
pub fn read_list<T: Send>(
    file: &mut JsonFile,
    key: &str,
    parse: impl Fn(&[u8]) -> Result<T, Fault> + Sync,
) -> Result<Vec<T>, AnnotationError> {
    let found = file.kind_of_next()?;
    if found != "a list" && found != "no JSON" && found != "the end of the file" {
        let mend = match (key, found) {
            ("videos", "an object") => {
                "this looks like meta.json of YouTube-VOS, which has no masks: use the annotation \
                 file of YouTube-VIS, such as train.json or instances.json"
            }
            _ => "use the annotation file of a dataset in the format of YouTube-VIS or COCO",
        };
        let fault = Fault::new(key, "a list", found, mend);
        return Err(AnnotationError::wrong(file.path(), WHOLE_FILE, fault));
    }
    let path = file.path().to_path_buf();
    file.parse_list(|index, text| {
        parse(text).map_err(|fault| {
            let entry = Entry::parse(text).unwrap_or_default();
            AnnotationError::wrong(&path, place_of(key, index, &entry), fault)
        })
    })
}

/// Names an entry by its index in the list and its ids: `annotations[3] (id 4, video 17)`.
pub fn place_of(list: &str, index: usize, entry: &Entry) -> String {
    let named = |(name, field): (&str, &str)| Some(format!("{name} {}", entry.id(field).ok()?));
    let ids = [("id", "id"), ("video", "video_id"), ("image", "image_id")];
    let ids: Vec<String> = ids.into_iter().filter_map(named).collect();
    let names = if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) };
    format!("{list}[{index}]{names}")
}

/// The error for a missing main list, which also tells whether the file is of the other kind.
pub(crate) fn missing_list(path: &Path, list: &str, is_other_kind: bool) -> AnnotationError {
    let (found, mend) = match (is_other_kind, list) {
        (true, "videos") => ("a COCO file", "give the dataset the type coco"),
        (true, _) => ("a YTVIS file", "give the dataset the type ytvis"),
        _ => ("no such list", "use the annotation file of a dataset"),
    };
    AnnotationError::wrong(path, WHOLE_FILE, Fault::new(list, "a list", found, mend))
}

/// Replaces an error with the message that the file is of the other kind, if it has no list `own` but a list `other`:
/// faults of its entries would only confuse.
pub(crate) fn of_other_kind(
    path: &Path,
    [own, other]: [&'static str; 2],
    error: AnnotationError,
) -> AnnotationError {
    let (mut has_own, mut has_other) = (false, false);
    let walk = JsonFile::open(path).and_then(|mut file| {
        file.for_each_key(|file, key| {
            has_own |= key == own;
            has_other |= key == other;
            skip(file)
        })
    });
    match walk {
        Ok(()) if has_other && !has_own => missing_list(path, own, true),
        _ => error,
    }
}

/// Skips a value; a list element by element, because it may not fit into memory.
pub(crate) fn skip(file: &mut JsonFile) -> Result<(), AnnotationError> {
    if file.kind_of_next()? == "a list" {
        return file.parse_list(|_index, _text| Ok(())).map(drop);
    }
    file.read_value(&mut Vec::new())
}

/// The fault of an id that an earlier entry has.
fn duplicate(id: &Id) -> Fault {
    let mend = "give every entry of the list an id of its own";
    Fault::new("id", "an id that occurs once", format!("{id} for the second time"), mend)
}

/// Numbers the entries of a list, whose ids must differ.
pub(crate) fn by_id<T>(
    path: &Path,
    list: &str,
    entries: Vec<(Id, T)>,
) -> Result<(BTreeMap<i64, T>, Ids), AnnotationError> {
    let ids = Ids::new(entries.iter().map(|(id, _)| id));
    let mut by_id = BTreeMap::new();
    for (index, (id, entry)) in entries.into_iter().enumerate() {
        let is_new = ids.number(&id).is_some_and(|number| by_id.insert(number, entry).is_none());
        if !is_new {
            let place = format!("{list}[{index}] (id {id})");
            return Err(AnnotationError::wrong(path, place, duplicate(&id)));
        }
    }
    Ok((by_id, ids))
}

/// Finds the entry that an id refers to.
pub(crate) fn find<'a, T>(
    (ids, by_id): (&Ids, &'a BTreeMap<i64, T>),
    (field, what): (&str, &str),
    id: &Id,
) -> Result<(i64, &'a T), Fault> {
    let found = ids.number(id).and_then(|number| Some((number, by_id.get(&number)?)));
    found.ok_or_else(|| {
        let mend = if by_id.is_empty() {
            format!("the file lists no {what}: add it")
        } else if matches!(id, Id::Text(_)) && !ids.are_ranked() {
            "write the id without quotes, as the list has it".to_owned()
        } else {
            format!("add the {what}, correct the id or remove the entry")
        };
        Fault::new(
            field,
            format!("the id of {} {what} of the file", if what == "image" { "an" } else { "a" }),
            id.to_string(),
            mend,
        )
    })
}

/// Checks that annotation ids are unique; returns their numbers, where only 0 becomes 0.
pub(crate) fn annotation_ids(
    path: &Path,
    ids: &[(Id, String)],
) -> Result<Vec<i64>, AnnotationError> {
    let numbers = Ids::new(ids.iter().map(|(id, _)| id));
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::with_capacity(ids.len());
    for (id, place) in ids {
        if !seen.insert(id) {
            return Err(AnnotationError::wrong(path, place.as_str(), duplicate(id)));
        }
        let number = numbers.number(id).unwrap_or_default();
        found.push(if *id == Id::Number(0) { 0 } else { number });
    }
    Ok(found)
}

impl CategoryList {
    pub(crate) fn read(file: &mut JsonFile) -> Result<Self, AnnotationError> {
        let parse = |text: &[u8]| {
            let entry = Entry::parse(text)?;
            let id = entry.id("id")?;
            let name = entry.text("name")?.map(str::to_owned);
            let merged = entry.get("merged").and_then(Value::as_array).into_iter().flatten();
            let merged: Vec<Id> = merged.filter_map(|part| Id::read(part.get("id")?)).collect();
            Ok((id, name, merged))
        };
        let (mut entries, mut parts) = (Vec::new(), HashMap::new());
        for (id, name, merged) in read_list(file, "categories", parse)? {
            parts.extend(merged.into_iter().map(|part| (part, id.clone())));
            entries.push((id, name));
        }
        let unnamed = entries.iter().filter(|(_, name)| name.is_none()).count();
        let name = |id: &Id, name: Option<String>| {
            name.unwrap_or_else(|| id.to_string().trim_matches('"').to_owned())
        };
        let entries = entries.into_iter().map(|(id, given)| {
            let name = name(&id, given);
            (id, name)
        });
        let (names, ids) = by_id(file.path(), "categories", entries.collect())?;
        let category = |(id, name): (i64, String)| (id, Category { id, name });
        let by_id = names.into_iter().map(category).collect();
        Ok(Self { by_id, ids, unnamed, merged: parts, is_of_tao: false })
    }

    /// Finds the category that an entry refers to.
    pub(crate) fn find(&self, id: &Id) -> Result<i64, Fault> {
        let found = find((&self.ids, &self.by_id), ("category_id", "category"), id)?;
        Ok(found.0)
    }

    /// Finds the category that an entry of TAO refers to: the one that its category is part of, if it is part of one;
    /// nothing if the file does not list it.
    ///
    /// Reference: TrackEval `datasets/tao.py`, `_merge_categories`, which evaluates listed categories only.
    pub(crate) fn find_merged(&self, id: &Id) -> Option<i64> {
        self.find(self.merged.get(id).unwrap_or(id)).ok()
    }

    pub(crate) fn note(&self, notes: &mut Vec<Note>) {
        if self.unnamed > 0 {
            let text =
                format!("{} categories have no name and are called by their id", self.unnamed);
            notes.push(Note { subject: Subject::Classes, text });
        }
    }
}

/// What was dropped from the masks and boxes of a file.
#[derive(Debug, Default)]
pub(crate) struct LeftOut {
    pub(crate) stray_polygons: Counter,
    pub(crate) unusable: Counter,
    pub(crate) boxes_as_masks: Counter,
    pub(crate) odd_boxes: Counter,
    pub(crate) odd_areas: Counter,
    pub(crate) long_lists: Counter,
    pub(crate) unlisted: Counter,
}

impl LeftOut {
    pub(crate) fn notes(&self, notes: &mut Vec<Note>) {
        self.stray_polygons.note(
            notes,
            Subject::Objects,
            "polygons of fewer than three points or half a point, beside good ones, are left out",
        );
        self.unusable.note(
            notes,
            Subject::Objects,
            "segmentations without a polygon of three points or more are skipped",
        );
        self.boxes_as_masks.note(
            notes,
            Subject::Objects,
            "of the skipped segmentations hold the four numbers of a box: write its four corners as a polygon",
        );
        self.long_lists.note(
            notes,
            Subject::Objects,
            "annotations have entries for more frames than their video; those are not used",
        );
        self.unlisted.note(
            notes,
            Subject::Objects,
            "objects are of a category that the file does not list and are left out, as TAO's evaluation does",
        );
        self.odd_boxes.note(
            notes,
            Subject::Boxes,
            "boxes are not four finite numbers with sides of 0 or more; the box of the mask is used",
        );
        self.odd_areas.note(
            notes,
            Subject::Areas,
            "annotations have areas that are no finite numbers; those of their masks are used",
        );
    }
}
