//! The JSON shapes of a YouTube-VIS style file, field by field as they are written there.

use std::fmt;

use seqformer_masks::{ImageSize, Polygon, Rle};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Video;
use crate::track::StoredMask;

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
    pub(super) segmentations: Vec<RawMask>,
    pub(super) areas: Option<Vec<Option<f64>>>,
}

/// 0 or 1, or a truth value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flag(pub(crate) bool);

/// One frame of an annotation.
#[derive(Debug)]
pub(super) enum RawMask {
    Absent,
    Stored {
        mask: StoredMask,
        area: u64,
    },
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
        let mask = Rle::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RawMask::Stored { mask: StoredMask::new(&mask), area: mask.area() })
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
