//! YouTube-VIS files: 2019, 2021, 2022 and OVIS.
//!
//! Reference: YouTube-VIS `cocoapi`, `YTVOS.createIndex` and `YTVOS.annToRLE`; VNext
//! `data/datasets/ytvis.py`, `load_ytvis_json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use seqformer_masks::{ImageSize, PackedTrack, Rle};
use serde_json::Value;

use crate::entry::{BoxField, Entry};
use crate::json::{Cursor, JsonFile};
use crate::list::{
    CategoryList, LeftOut, annotation_ids, by_id, find, missing_list, of_other_kind, read_list,
    skip,
};
use crate::mask::{Dropped, Mask, other_size};
use crate::note::{Note, Subject};
use crate::value::describe;
use crate::{AnnotationError, Fault, Id, Ids};

/// The content of a YouTube-VIS file, checked.
#[derive(Debug, Clone)]
pub struct YtvisFile {
    /// The file.
    pub path: PathBuf,
    /// The videos by id.
    pub videos: BTreeMap<i64, Video>,
    /// How the ids of videos map to numbers.
    pub video_ids: Ids,
    /// The categories.
    pub categories: CategoryList,
    /// The annotations in the order of the file.
    pub annotations: Vec<TrackEntry>,
    /// Notes for the user.
    pub notes: Vec<Note>,
}

/// A video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    /// The number by which annotations and results refer to it.
    pub id: i64,
    /// Height and width of its frames.
    pub size: ImageSize,
    /// Number of frames.
    pub length: usize,
    /// The image files of its frames, if the file lists them; there may be more or fewer.
    pub file_names: Option<Box<[Box<str>]>>,
    /// Its index in the list.
    pub index: usize,
}

/// One annotated object in all frames of its video.
#[derive(Debug, Clone)]
pub struct TrackEntry {
    /// The number of the annotation, 0 only if the file says 0.
    pub id: i64,
    /// The video that it is part of.
    pub video_id: i64,
    /// The class of the object.
    pub category_id: i64,
    /// Whether it stands for a group of objects.
    pub is_crowd: bool,
    /// One entry per frame of the video, or more.
    pub masks: TrackMasks,
    /// The boxes, if the file has any.
    pub boxes: Option<Box<[BoxField]>>,
    /// The areas in the file, without null; `None` if there are no usable ones.
    pub areas: Option<Box<[f64]>>,
    /// Its name in messages.
    pub place: Box<str>,
}

/// The masks of an object, one per frame.
#[derive(Debug, Clone)]
pub enum TrackMasks {
    /// Run lengths.
    Packed(PackedTrack),
    /// Any kind of mask.
    Mixed(Vec<Mask>),
}

impl YtvisFile {
    /// Reads and checks a file with `videos`, `categories` and `annotations`.
    ///
    /// `annotations` may be missing, null or empty, as in the files of the validation splits.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and any invalid entry: the message names the file, the entry and
    /// the field, what was expected and found, and how to fix it.
    pub fn read(path: &Path) -> Result<Self, AnnotationError> {
        Self::read_lists(path).map_err(|error| of_other_kind(path, ["videos", "images"], error))
    }

    fn read_lists(path: &Path) -> Result<Self, AnnotationError> {
        let mut file = JsonFile::open(path)?;
        let (mut videos, mut categories) = (None, CategoryList::default());
        let mut annotations = Vec::new();
        file.for_each_key(|file, key| {
            match key {
                "videos" => videos = Some(read_list(file, key, parse_video)?),
                "categories" if !file.skip_null()? => categories = CategoryList::read(file)?,
                "annotations" if !file.skip_null()? => {
                    annotations = read_list(file, key, RawTrack::parse)?;
                }
                "categories" | "annotations" => {}
                _ => skip(file)?,
            }
            Ok(())
        })?;
        file.finish()?;
        let mut videos = videos.ok_or_else(|| missing_list(path, "videos", false))?;
        for (index, (_, video)) in videos.iter_mut().enumerate() {
            video.index = index;
        }
        let (mut videos, video_ids) = by_id(path, "videos", videos)?;
        for (&id, video) in &mut videos {
            video.id = id;
        }
        let mut read = Self {
            path: path.to_path_buf(),
            videos,
            video_ids,
            categories,
            annotations: Vec::with_capacity(annotations.len()),
            notes: Vec::new(),
        };
        read.add_annotations(annotations)?;
        Ok(read)
    }

    /// The name of a video in messages.
    pub fn video_place(&self, video: &Video) -> String {
        format!("videos[{}] (id {})", video.index, self.video_ids.id(video.id))
    }

    /// Checks that the run lengths of every annotation have the size of their video.
    ///
    /// # Errors
    ///
    /// The first mask of another size.
    pub fn check_mask_sizes(&self) -> Result<(), AnnotationError> {
        for track in &self.annotations {
            if let Some(fault) = self.mask_of_other_size(track) {
                return Err(AnnotationError::wrong(&self.path, &*track.place, fault));
            }
        }
        Ok(())
    }

    /// Finds the first mask of an annotation that has another size than the video.
    pub fn mask_of_other_size(&self, track: &TrackEntry) -> Option<Fault> {
        let video = self.videos.get(&track.video_id)?;
        let sizes = track.masks.sizes().enumerate().take(video.length);
        let is_other =
            |&(_, size): &(usize, Option<ImageSize>)| size.is_some_and(|size| size != video.size);
        let (frame, size) = { sizes }.find(is_other)?;
        Some(other_size(video.size, size?).within(&format!("segmentations[{frame}]")))
    }

    fn add_annotations(&mut self, raws: Vec<RawTrack>) -> Result<(), AnnotationError> {
        let place = |(index, raw): (usize, &RawTrack)| {
            let RawTrack { id, video_id, .. } = raw;
            (id.clone(), format!("annotations[{index}] (id {id}, video {video_id})"))
        };
        let places: Vec<(Id, String)> = raws.iter().enumerate().map(place).collect();
        let ids = annotation_ids(&self.path, &places)?;
        let mut left_out = LeftOut::default();
        let mut num_objects = 0;
        for (raw, (id, (_, place))) in raws.into_iter().zip(ids.into_iter().zip(places)) {
            let wrong = |fault| AnnotationError::wrong(&self.path, place.as_str(), fault);
            let (video_id, video) =
                find((&self.video_ids, &self.videos), ("video_id", "video"), &raw.video_id)
                    .map_err(wrong)?;
            let category_id = self.categories.find(&raw.category_id).map_err(wrong)?;
            let found = raw.masks.len();
            if found < video.length {
                let expected =
                    format!("an entry for each of the {} frames of the video", video.length);
                let mend = "write null where the object is not visible";
                let found = format!("{found} entries");
                return Err(wrong(Fault::new("segmentations", expected, found, mend)));
            }
            left_out.long_lists.add(usize::from(found > video.length), || place.clone());
            raw.count_into(&mut left_out, &place);
            if raw.masks.is_unusable() {
                num_objects += 1;
                continue;
            }
            let RawTrack { is_crowd, masks, boxes, areas, .. } = raw;
            let place = place.into_boxed_str();
            self.annotations.push(TrackEntry {
                id,
                video_id,
                category_id,
                is_crowd,
                masks,
                boxes,
                areas,
                place,
            });
        }
        left_out.notes(&mut self.notes);
        if num_objects > 0 {
            let text = format!("{num_objects} objects have no other segmentation and are skipped");
            self.notes.push(Note { subject: Subject::Objects, text });
        }
        self.categories.note(&mut self.notes);
        Ok(())
    }
}

/// An annotation before videos and categories are known.
#[derive(Debug)]
struct RawTrack {
    id: Id,
    video_id: Id,
    category_id: Id,
    is_crowd: bool,
    masks: TrackMasks,
    dropped: Dropped,
    /// The first frame from which something was dropped.
    dropped_at: usize,
    boxes: Option<Box<[BoxField]>>,
    /// Faulty boxes: their number, and a description of the first.
    odd_boxes: Option<(usize, Box<str>)>,
    areas: Option<Box<[f64]>>,
    /// The fault of the areas.
    odd_areas: Option<Box<str>>,
}

impl RawTrack {
    fn parse(text: &[u8]) -> Result<Self, Fault> {
        let quick = Cursor::new(text).cut_value("segmentations", packed_track);
        let (entry, masks) = if let Some((track, rest)) = quick {
            (Entry::parse(&rest)?, MaskList::packed(track))
        } else {
            let mut entry = Entry::parse(text)?;
            let masks = MaskList::read(&mut entry)?;
            (entry, masks)
        };
        let (boxes, odd_boxes) = read_boxes(entry.get("bboxes"));
        let (areas, odd_areas) = read_areas(entry.get("areas"));
        Ok(Self {
            id: entry.id("id")?,
            video_id: entry.id("video_id")?,
            category_id: entry.id("category_id")?,
            is_crowd: entry.is_crowd()?,
            masks: masks.masks,
            dropped: masks.dropped,
            dropped_at: masks.dropped_at,
            boxes,
            odd_boxes,
            areas,
            odd_areas,
        })
    }

    /// Counts what was dropped from the annotation called `place`.
    fn count_into(&self, left_out: &mut LeftOut, place: &str) {
        let at = || format!("{place}: segmentations[{}]", self.dropped_at);
        let Dropped { stray_polygons, unusable, boxes } = self.dropped;
        left_out.stray_polygons.add(stray_polygons, at);
        left_out.unusable.add(unusable, at);
        left_out.boxes_as_masks.add(boxes, at);
        if let Some((count, first)) = &self.odd_boxes {
            left_out.odd_boxes.add(*count, || format!("{place}: {first}"));
        }
        if let Some(first) = &self.odd_areas {
            left_out.odd_areas.add(1, || format!("{place}: {first}"));
        }
    }
}

/// Masks parsed the slow way.
#[derive(Debug)]
struct MaskList {
    masks: TrackMasks,
    dropped: Dropped,
    dropped_at: usize,
}

impl MaskList {
    fn packed(track: PackedTrack) -> Self {
        let masks = TrackMasks::Packed(track);
        Self { masks, dropped: Dropped::default(), dropped_at: 0 }
    }

    fn read(entry: &mut Entry) -> Result<Self, Fault> {
        const FIELD: &str = "segmentations";
        const EXPECTED: &str = "a list with an entry for each frame";
        entry.required(FIELD, EXPECTED)?;
        let value = entry.take(FIELD).unwrap_or_default();
        let Value::Array(list) = value else {
            let mend = "write a list of masks in square brackets";
            return Err(Fault::new(FIELD, EXPECTED, describe(&value), mend));
        };
        let (mut dropped, mut dropped_at) = (Dropped::default(), 0);
        let mut masks = Vec::with_capacity(list.len());
        for (frame, value) in list.iter().enumerate() {
            let mut here = Dropped::default();
            let mask = Mask::read(value, &mut here)
                .map_err(|fault| fault.within(&format!("{FIELD}[{frame}]")))?;
            if dropped == Dropped::default() {
                dropped_at = frame;
            }
            dropped.add(here);
            masks.push(mask);
        }
        Ok(Self { masks: TrackMasks::new(masks), dropped, dropped_at })
    }
}

impl TrackMasks {
    /// Packs the masks if all of them are run lengths.
    fn new(masks: Vec<Mask>) -> Self {
        if masks.iter().any(|mask| matches!(mask, Mask::Polygons(_) | Mask::Unusable)) {
            return Self::Mixed(masks);
        }
        let mut track = PackedTrack::default();
        for mask in &masks {
            match mask {
                Mask::Runs(mask) => track.push(mask),
                _ => track.push_absent(),
            }
        }
        track.shrink_to_fit();
        Self::Packed(track)
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        match self {
            Self::Packed(track) => track.len(),
            Self::Mixed(masks) => masks.len(),
        }
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether something was written, but no usable mask.
    fn is_unusable(&self) -> bool {
        match self {
            Self::Packed(_) => false,
            Self::Mixed(masks) => {
                masks.contains(&Mask::Unusable)
                    && masks.iter().all(|mask| matches!(mask, Mask::Unusable | Mask::Absent))
            }
        }
    }

    /// Returns the size of every frame's run lengths; `None` for polygons.
    fn sizes(&self) -> Box<dyn Iterator<Item = Option<ImageSize>> + '_> {
        match self {
            Self::Packed(track) => Box::new(track.sizes()),
            Self::Mixed(masks) => Box::new(masks.iter().map(|mask| match mask {
                Mask::Runs(mask) => Some(mask.size()),
                _ => None,
            })),
        }
    }

    /// Draws all masks, polygons in frames of `size`.
    ///
    /// # Errors
    ///
    /// A mask that cannot be drawn.
    pub fn into_packed(self, size: ImageSize) -> Result<PackedTrack, Fault> {
        let masks = match self {
            Self::Packed(track) => return Ok(track),
            Self::Mixed(masks) => masks,
        };
        let mut track = PackedTrack::default();
        for (frame, mask) in masks.iter().enumerate() {
            let drawn = mask.draw(Some(size));
            match drawn.map_err(|fault| fault.within(&format!("segmentations[{frame}]")))? {
                Some(mask) => track.push(&mask),
                None => track.push_absent(),
            }
        }
        track.shrink_to_fit();
        Ok(track)
    }

    /// Returns all masks one by one.
    pub fn into_masks(self) -> Vec<Mask> {
        match self {
            Self::Packed(track) => {
                track.masks().map(|mask| mask.map_or(Mask::Absent, Mask::Runs)).collect()
            }
            Self::Mixed(masks) => masks,
        }
    }
}

fn parse_video(text: &[u8]) -> Result<(Id, Video), Fault> {
    let entry = Entry::parse(text)?;
    let id = entry.id("id")?;
    let size = entry.size()?.ok_or_else(|| {
        let mend = "write the height and width of the image files";
        Fault::new("height, width", "a number of pixels of 1 or more", "no such fields", mend)
    })?;
    let file_names = entry.get("file_names").map(read_file_names).transpose()?;
    let length = match (entry.count("length")?, &file_names) {
        (Some(length), _) => length as usize,
        (None, Some(names)) => names.len(),
        (None, None) => {
            let found = "neither it nor file_names";
            let mend = "write the number of frames";
            return Err(Fault::new("length", "a whole number of 0 or more", found, mend));
        }
    };
    Ok((id, Video { id: 0, size, length, file_names, index: 0 }))
}

fn read_file_names(value: &Value) -> Result<Box<[Box<str>]>, Fault> {
    let Value::Array(names) = value else {
        let mend = "write the image file of every frame in square brackets";
        return Err(Fault::new("file_names", "a list of texts", describe(value), mend));
    };
    let name = |(frame, name): (usize, &Value)| {
        name.as_str().map(Box::from).ok_or_else(|| {
            let field = format!("file_names[{frame}]");
            Fault::new(field, "a text", describe(name), "write it in quotes")
        })
    };
    names.iter().enumerate().map(name).collect()
}

/// Reads boxes; also returns how many are faulty, with a description of the first.
#[expect(clippy::type_complexity, reason = "a pair of the boxes and of what is wrong with them")]
fn read_boxes(value: Option<&Value>) -> (Option<Box<[BoxField]>>, Option<(usize, Box<str>)>) {
    let list = match value {
        None => return (None, None),
        Some(Value::Array(list)) => list,
        Some(other) => {
            let odd = format!("bboxes, which is {}", describe(other));
            return (None, Some((1, odd.into())));
        }
    };
    let boxes: Box<[BoxField]> = list.iter().map(BoxField::read).collect();
    let mut odd = None;
    for (frame, (bbox, value)) in boxes.iter().zip(list).enumerate() {
        if !bbox.is_proper() {
            let first = || (0, format!("bboxes[{frame}], which is {}", describe(value)).into());
            odd.get_or_insert_with(first).0 += 1;
        }
    }
    (Some(boxes), odd)
}

/// Reads areas; also returns their fault.
fn read_areas(value: Option<&Value>) -> (Option<Box<[f64]>>, Option<Box<str>>) {
    let list = match value {
        None => return (None, None),
        Some(Value::Array(list)) => list,
        Some(other) => return (None, Some(format!("areas, which is {}", describe(other)).into())),
    };
    let mut areas = Vec::with_capacity(list.len());
    for (frame, area) in list.iter().enumerate() {
        match (area, area.as_f64()) {
            (Value::Null, _) => {}
            (_, Some(area)) => areas.push(area),
            (_, None) => {
                let odd = format!("areas[{frame}], which is {}", describe(area));
                return (None, Some(odd.into()));
            }
        }
    }
    (Some(areas.into()), None)
}

/// Reads masks that are all plain run lengths.
fn packed_track(cursor: &mut Cursor<'_>) -> Option<PackedTrack> {
    // A run takes about four characters; memory for all of them is allocated once.
    let mut track = PackedTrack::with_capacity(cursor.bytes_left() / 4);
    let (mut counts, mut text) = (Vec::new(), Vec::new());
    cursor.list(|cursor| {
        if cursor.nothing().is_some() {
            track.push_absent();
            return Some(());
        }
        counts.clear();
        text.clear();
        let ([height, width], is_text) = cursor.mask(|cursor| {
            let is_text = cursor.is_string();
            if is_text {
                cursor.compressed(&mut text)?;
            } else {
                cursor.counts(&mut counts)?;
            }
            Some(is_text)
        })?;
        let size = ImageSize { height, width };
        if is_text {
            let text = std::str::from_utf8(&text).ok()?;
            track.push(&Rle::parse_compressed(size, text).ok()?);
            Some(())
        } else {
            track.push_counts(size, &counts).ok()
        }
    })?;
    track.shrink_to_fit();
    Some(track)
}

#[cfg(test)]
mod tests;
