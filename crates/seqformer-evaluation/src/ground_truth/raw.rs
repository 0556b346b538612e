//! The JSON shapes of a YouTube-VIS style file, field by field as they are written there.

use std::fmt;

use seqformer_masks::{ImageSize, PackedTrack, Polygon, Rle};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Video;
use crate::json::{Cursor, parse_element};

#[derive(Debug, Deserialize)]
pub(super) struct RawVideo {
    id: i64,
    height: u32,
    width: u32,
    length: Option<usize>,
    file_names: Option<Vec<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RawCategory {
    pub(crate) id: i64,
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawAnnotation {
    pub(super) id: i64,
    pub(super) video_id: i64,
    pub(super) category_id: i64,
    #[serde(default)]
    pub(super) iscrowd: Flag,
    pub(super) segmentations: Segmentations,
    pub(super) areas: Option<Vec<Option<f64>>>,
}

/// 0 or 1, or a truth value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flag(pub(crate) bool);

/// All frames of an annotation.
#[derive(Debug)]
pub(super) enum Segmentations {
    /// Run lengths, in the quick way.
    Packed(PackedTrack),
    /// Whatever there may be, in the thorough way.
    Raw(Vec<RawMask>),
}

/// One frame of an annotation.
#[derive(Debug)]
pub(super) enum RawMask {
    Absent,
    /// A track of one frame, which is smaller than the run lengths.
    Packed(PackedTrack),
    /// Drawn when the size of the video is known.
    Polygons(Vec<Polygon>),
}

impl RawVideo {
    pub(super) fn check(self) -> Result<Video, String> {
        let Self { id, height, width, length, file_names } = self;
        let size = ImageSize { height, width };
        if size.num_pixels() == 0 {
            return Err(format!("height, width: expected at least one pixel, found {size}"));
        }
        let size = size.checked().map_err(|error| format!("height, width: {error}"))?;
        let length = length.or_else(|| Some(file_names?.len())).ok_or("missing field `length`")?;
        Ok(Video { id, size, length })
    }
}

impl RawAnnotation {
    /// Parses an element; the error names the field.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        Self::parse_quickly(text).map_or_else(|| parse_element(text), Ok)
    }

    /// Parses an element whose masks are plain run lengths, and nothing else.
    fn parse_quickly(text: &[u8]) -> Option<Self> {
        let (track, rest) = Cursor::new(text).cut_value("segmentations", packed_track)?;
        let annotation: Self = serde_json::from_slice(&rest).ok()?;
        Some(Self { segmentations: Segmentations::Packed(track), ..annotation })
    }
}

fn packed_track(cursor: &mut Cursor<'_>) -> Option<PackedTrack> {
    // A run takes some four characters; the memory for all of them is asked for once.
    let mut track = PackedTrack::with_capacity(cursor.bytes_left() / 4);
    let (mut counts, mut text) = (Vec::new(), Vec::new());
    cursor.list(|cursor| {
        if cursor.null().is_some() {
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

impl<'de> Deserialize<'de> for Segmentations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::Raw)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("0 or 1")
    }

    fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Flag, E> {
        Ok(Flag(flag))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Flag, E> {
        Ok(Flag(number != 0))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Flag, E> {
        Ok(Flag(number != 0))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Flag, E> {
        Ok(Flag(number != 0.0))
    }
}

impl<'de> Deserialize<'de> for RawMask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MaskVisitor)
    }
}

struct MaskVisitor;

impl<'de> Visitor<'de> for MaskVisitor {
    type Value = RawMask;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("run lengths, a list of polygons, or null")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<RawMask, E> {
        Ok(RawMask::Absent)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawMask, A::Error> {
        let mut track = PackedTrack::default();
        track.push(&Rle::deserialize(MapAccessDeserializer::new(map))?);
        track.shrink_to_fit();
        Ok(RawMask::Packed(track))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawMask, A::Error> {
        let mut polygons = Vec::new();
        while let Some(numbers) = seq.next_element::<Vec<f64>>()? {
            polygons.push(Polygon::from_xy(&numbers).map_err(A::Error::custom)?);
        }
        // The official tool takes an empty list for an absent object, too.
        Ok(if polygons.is_empty() { RawMask::Absent } else { RawMask::Polygons(polygons) })
    }
}
