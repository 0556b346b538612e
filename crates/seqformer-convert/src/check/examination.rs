//! One annotation against its video or image.

mod masks;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use seqformer_annotations::{Entry, Fault, Id, describe, place_of};
use seqformer_masks::Rle;
use serde_json::Value;

use self::masks::Drawn;
use super::comparison;
use super::problem::Kind;
use super::records::{Records, repeated_key};

/// An annotation that was looked at on its own.
pub(super) struct Examined {
    /// Its place in the file, for messages.
    pub(super) place: String,
    /// Its id.
    pub(super) id: Option<Id>,
    /// A hash of its masks, to find equal ones; `None` without a mask.
    pub(super) likeness: Option<(Id, u64)>,
    /// What is wrong with it.
    pub(super) found: Vec<Found>,
    /// The entry with all mended that needs no guess.
    pub(super) entry: Entry,
    /// Whether it differs from what the file has.
    pub(super) is_mended: bool,
}

/// A fault of an annotation.
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) frame: Option<usize>,
    pub(super) fault: Fault,
    pub(super) is_fixable: bool,
}

/// The names of the fields of one kind of file.
struct Fields {
    record: &'static str,
    masks: &'static str,
    boxes: &'static str,
    areas: &'static str,
}

const OF_VIDEO: Fields =
    Fields { record: "video_id", masks: "segmentations", boxes: "bboxes", areas: "areas" };
const OF_IMAGE: Fields =
    Fields { record: "image_id", masks: "segmentation", boxes: "bbox", areas: "area" };

/// Looks at one annotation, and mends what needs no guess.
pub(super) fn examine(index: usize, text: &[u8], records: &Records) -> Examined {
    let (entry, fault) = match Entry::parse(text) {
        Ok(entry) => (entry, None),
        Err(fault) => (Entry::default(), Some(fault)),
    };
    let is_readable = fault.is_none();
    let mut examination = Examination {
        fields: if records.has_videos { &OF_VIDEO } else { &OF_IMAGE },
        has_videos: records.has_videos,
        found: Vec::new(),
        is_mended: false,
        entry,
    };
    if let Some(fault) = fault {
        examination.say(Kind::WrongField, None, fault, false);
    }
    let place = place_of("annotations", index, &examination.entry);
    let (mut id, mut likeness) = (None, None);
    if is_readable {
        id = examination.id("id");
        likeness = examination.examine(records);
    }
    let Examination { found, is_mended, entry, .. } = examination;
    Examined { place, id, likeness, found, entry, is_mended }
}

struct Examination {
    fields: &'static Fields,
    has_videos: bool,
    entry: Entry,
    found: Vec<Found>,
    is_mended: bool,
}

impl Examination {
    fn say(&mut self, kind: Kind, frame: Option<usize>, fault: Fault, is_fixable: bool) {
        self.is_mended |= is_fixable;
        let frame = frame.filter(|_| self.has_videos);
        self.found.push(Found { kind, frame, fault, is_fixable });
    }

    fn id(&mut self, field: &str) -> Option<Id> {
        let id = self.entry.id(field);
        id.map_err(|fault| self.say(Kind::WrongField, None, fault, false)).ok()
    }

    /// Looks at everything but the id, and returns what the masks are.
    fn examine(&mut self, records: &Records) -> Option<(Id, u64)> {
        if let Some(key) = self.entry.repeated_key() {
            let fault = repeated_key(key);
            self.say(Kind::RepeatedKey, None, fault, false);
        }
        self.examine_crowd_mark();
        let record_id = self.id(self.fields.record);
        let record = record_id.as_ref().and_then(|id| records.by_id.get(id));
        let record = record.and_then(|&index| records.list.get(index));
        if let (Some(id), None) = (&record_id, record) {
            let what = if self.has_videos { "a video" } else { "an image" };
            let fault = Fault::new(
                self.fields.record,
                format!("the id of {what} of the file"),
                id.to_string(),
                "add it, correct the id, or remove the annotation",
            );
            self.say(Kind::UnknownRecord, None, fault, false);
        }
        if let Some(id) = self.id("category_id")
            && !records.categories.contains(&id)
        {
            let fault = Fault::new(
                "category_id",
                "the id of a category of the file",
                id.to_string(),
                "add the category, or correct the id",
            );
            self.say(Kind::UnknownCategory, None, fault, false);
        }
        let masks = self.masks(record)?;
        let size = record.and_then(|record| record.size.or(record.measured));
        let is_complete = record.is_some_and(|record| record.length == Some(masks.len()));
        let drawn = self.draw(masks, size);
        if self.has_videos && is_complete {
            let (boxes, areas) = (self.fields.boxes, self.fields.areas);
            self.complete(boxes, &drawn, |mask| comparison::numbers(mask).into_iter().collect());
            self.complete(areas, &drawn, |mask| mask.area().into());
        }
        self.compare_boxes(&drawn);
        self.compare_areas(&drawn);
        if drawn.iter().all(|drawn| drawn.mask.is_none()) {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        self.entry.id("category_id").ok().hash(&mut hasher);
        for drawn in &drawn {
            drawn.mask.hash(&mut hasher);
        }
        Some((record_id?, hasher.finish()))
    }

    fn examine_crowd_mark(&mut self) {
        let fault = match (self.entry.is_crowd(), self.entry.get("iscrowd")) {
            (Err(fault), _) => {
                self.say(Kind::WrongField, None, fault, false);
                return;
            }
            (Ok(_), Some(value)) if !matches!(value.as_f64(), None | Some(0.0 | 1.0)) => {
                Fault::new("iscrowd", "0 or 1", describe(value), "write 0 or 1")
            }
            _ => return,
        };
        self.say(Kind::CrowdMark, None, fault, false);
    }

    /// Gives a list beside the masks as many entries as there are masks: what is missing is that of the mask.
    fn complete(&mut self, field: &str, drawn: &[Drawn], of_mask: impl Fn(&Rle) -> Value) {
        let Some(Value::Array(list)) = self.entry.get(field) else { return };
        if list.is_empty() || list.len() == drawn.len() {
            return;
        }
        let expected = format!("an entry for each of the {} frames", drawn.len());
        let found = format!("{} entries", list.len());
        let mut list = list.clone();
        list.truncate(drawn.len());
        let missing = drawn[list.len()..].iter();
        list.extend(missing.map(|drawn| drawn.mask.as_ref().map_or(Value::Null, &of_mask)));
        self.entry.set(field, Value::Array(list));
        let fault = Fault::new(field, expected, found, "take those of the masks");
        let kind = if field == self.fields.boxes { Kind::BoxMismatch } else { Kind::AreaMismatch };
        self.say(kind, None, fault, true);
    }

    fn field(&self, name: &str, frame: usize) -> String {
        if self.has_videos { format!("{name}[{frame}]") } else { name.to_owned() }
    }

    /// Writes the value of a frame into a list, or into the field itself for an image.
    fn set_in(&mut self, field: &str, frame: usize, value: Value) {
        if !self.has_videos {
            self.entry.set(field, value);
        } else if let Some(Value::Array(mut list)) = self.entry.take(field) {
            if let Some(place) = list.get_mut(frame) {
                *place = value;
            }
            self.entry.set(field, Value::Array(list));
        }
    }

    /// Returns the values of a field by frame.
    fn values(&self, field: &str) -> Vec<Value> {
        match self.entry.get(field) {
            None => Vec::new(),
            Some(Value::Array(list)) if self.has_videos => list.clone(),
            Some(value) => vec![value.clone()],
        }
    }

    fn compare_boxes(&mut self, drawn: &[Drawn]) {
        let field = self.fields.boxes;
        for (frame, (value, drawn)) in self.values(field).iter().zip(drawn).enumerate() {
            let name = self.field(field, frame);
            let Some(mask) = &drawn.mask else {
                if !drawn.is_reported
                    && let Some((kind, fault)) = comparison::lone_box(&name, value)
                {
                    self.say(kind, Some(frame), fault, false);
                }
                continue;
            };
            if let Some((kind, fault)) = comparison::box_of(&name, value, mask) {
                self.say(kind, Some(frame), fault, true);
                self.set_in(field, frame, comparison::numbers(mask).into_iter().collect());
            }
        }
    }

    fn compare_areas(&mut self, drawn: &[Drawn]) {
        let field = self.fields.areas;
        for (frame, (value, drawn)) in self.values(field).iter().zip(drawn).enumerate() {
            let name = self.field(field, frame);
            let Some(mask) = &drawn.mask else { continue };
            let found = comparison::area_of(&name, value, mask, drawn.is_polygon);
            if let Some((kind, fault)) = found {
                self.say(kind, Some(frame), fault, true);
                self.set_in(field, frame, mask.area().into());
            }
        }
    }
}
