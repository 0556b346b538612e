//! The JSON shapes of a COCO style file, field by field as they are written there.

use std::fmt;

use seqformer_masks::{ImageSize, Polygon, Rle};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::CocoImage;
use crate::ground_truth::Flag;

#[derive(Debug, Deserialize)]
pub(super) struct RawImage {
    id: i64,
    height: u32,
    width: u32,
}

#[derive(Debug, Deserialize)]
pub(super) struct RawAnnotation {
    pub(super) id: i64,
    pub(super) image_id: i64,
    pub(super) category_id: i64,
    #[serde(default)]
    pub(super) iscrowd: Flag,
    pub(super) area: Option<f64>,
    pub(super) bbox: Option<[f64; 4]>,
    #[serde(default)]
    pub(super) segmentation: Segmentation,
}

/// The outline of an object, drawn when it is needed.
#[derive(Debug, Clone, Default)]
pub(super) enum Segmentation {
    /// Files that are made for boxes have none, or an empty list.
    #[default]
    Absent,
    Runs(Rle),
    Polygons(Box<[Polygon]>),
}

impl RawImage {
    pub(super) fn check(self) -> Result<CocoImage, String> {
        let Self { id, height, width } = self;
        let size = ImageSize { height, width };
        if size.num_pixels() == 0 {
            return Err(format!("height, width: expected at least one pixel, found {size}"));
        }
        let size = size.checked().map_err(|error| format!("height, width: {error}"))?;
        Ok(CocoImage { id, size })
    }
}

impl Segmentation {
    /// Returns the mask in an image of `size`; run lengths keep the size that they came with.
    pub(super) fn mask(&self, size: ImageSize) -> Option<Rle> {
        match self {
            Self::Absent => None,
            Self::Runs(mask) => Some(mask.clone()),
            Self::Polygons(polygons) => {
                let parts: Vec<_> =
                    polygons.iter().map(|polygon| polygon.rasterize(size)).collect();
                Some(Rle::union(&parts).expect("all parts are drawn in one size"))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Segmentation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SegmentationVisitor)
    }
}

struct SegmentationVisitor;

impl<'de> Visitor<'de> for SegmentationVisitor {
    type Value = Segmentation;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("run lengths, a list of polygons, or null")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Segmentation, E> {
        Ok(Segmentation::Absent)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Segmentation, A::Error> {
        Rle::deserialize(MapAccessDeserializer::new(map)).map(Segmentation::Runs)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Segmentation, A::Error> {
        let mut polygons = Vec::new();
        while let Some(numbers) = seq.next_element::<Vec<f64>>()? {
            // Differs: four numbers are no polygon here; pycocotools takes them for a box.
            polygons.push(Polygon::from_xy(&numbers).map_err(A::Error::custom)?);
        }
        if polygons.is_empty() {
            return Ok(Segmentation::Absent);
        }
        Ok(Segmentation::Polygons(polygons.into_boxed_slice()))
    }
}
