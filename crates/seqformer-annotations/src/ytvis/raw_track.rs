//! Annotations as they stand in a YouTube-VIS file, before videos and categories are known.

use seqformer_masks::{ImageSize, PackedTrack, Rle};
use serde_json::Value;

use super::track_masks::TrackMasks;
use crate::entry::{BoxField, Entry};
use crate::json::Cursor;
use crate::list::LeftOut;
use crate::mask::{Dropped, Mask};
use crate::value::describe;
use crate::{Fault, Id};

/// An annotation before videos and categories are known.
#[derive(Debug)]
pub(super) struct RawTrack {
    pub(super) id: Id,
    pub(super) video_id: Id,
    pub(super) category_id: Id,
    pub(super) is_crowd: bool,
    pub(super) masks: TrackMasks,
    pub(super) dropped: Dropped,
    /// The first frame from which something was dropped.
    pub(super) dropped_at: usize,
    pub(super) boxes: Option<Box<[BoxField]>>,
    /// Faulty boxes: their number, and a description of the first.
    pub(super) odd_boxes: Option<(usize, Box<str>)>,
    pub(super) areas: Option<Box<[f64]>>,
    /// The fault of the areas.
    pub(super) odd_areas: Option<Box<str>>,
    pub(super) is_ignored: bool,
    pub(super) occlusion: Option<Box<[Option<Box<str>>]>>,
}

impl RawTrack {
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
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
            is_ignored: entry.is_marked("ignore"),
            occlusion: read_occlusion(entry.get("occlusion")),
        })
    }

    /// Parses an annotation, and keeps neither boxes nor areas, and masks as text.
    pub(super) fn parse_compact(text: &[u8]) -> Result<Self, Fault> {
        let track = Self::parse(text)?;
        Ok(Self { masks: track.masks.compressed(), boxes: None, areas: None, ..track })
    }

    /// Counts what was dropped from the annotation called `place`.
    pub(super) fn count_into(&self, left_out: &mut LeftOut, place: &str) {
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

/// Reads how far an object is hidden in each frame, in OVIS's terms; `None` if it is no list of texts.
fn read_occlusion(value: Option<&Value>) -> Option<Box<[Option<Box<str>>]>> {
    let word = |word: &Value| match word {
        Value::Null => Some(None),
        word => word.as_str().map(|word| Some(word.into())),
    };
    value?.as_array()?.iter().map(word).collect()
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
