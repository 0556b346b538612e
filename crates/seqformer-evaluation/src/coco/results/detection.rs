//! One result as a file has it, its mask not decoded yet.

use seqformer_annotations::{BoxField, Dropped, Entry, Fault, Id, Mask};
use seqformer_masks::{BoxXywh, ImageSize};
use serde::Deserialize;
use serde_json::Value;

/// A result whose mask is not decoded yet.
#[derive(Debug, Clone)]
pub(in crate::coco) struct StoredDetection {
    /// Its index in the list.
    pub(super) index: usize,
    pub(in crate::coco) image_id: Id,
    pub(in crate::coco) category_id: Id,
    pub(in crate::coco) score: f64,
    pub(super) bbox: Option<BoxXywh>,
    pub(super) mask: Option<StoredMask>,
}

/// A mask as the file has it.
#[derive(Debug, Clone)]
pub(in crate::coco) enum StoredMask {
    /// COCO's text form, which is decoded when it is scored.
    Compressed { size: ImageSize, counts: Box<str> },
    /// Polygons, drawn when it is scored.
    Polygons(Mask),
}

/// The usual form of a result, parsed quickly; other keys are ignored.
#[derive(Debug, Deserialize)]
struct PlainDetection {
    image_id: i64,
    category_id: i64,
    score: f64,
    bbox: Option<[f64; 4]>,
    segmentation: Option<PlainMask>,
}

#[derive(Debug, Deserialize)]
struct PlainMask {
    size: [u32; 2],
    counts: Box<str>,
}

impl StoredDetection {
    /// Reads an entry of the list.
    pub(super) fn parse(index: usize, text: &[u8]) -> Result<Self, Fault> {
        if let Ok(plain) = serde_json::from_slice(text) {
            let PlainDetection { image_id, category_id, score, bbox, segmentation } = plain;
            let mask = segmentation.map(|PlainMask { size: [height, width], counts }| {
                StoredMask::Compressed { size: ImageSize { height, width }, counts }
            });
            let bbox = bbox.map(|[x, y, width, height]| BoxXywh { x, y, width, height });
            let [image_id, category_id] = [image_id, category_id].map(Id::Number);
            return Self { index, image_id, category_id, score, bbox, mask }.checked();
        }
        let entry = Entry::parse(text)?;
        let image_id = entry.id("image_id")?;
        let category_id = entry.id("category_id")?;
        let score = entry.number("score")?;
        let bbox = match entry.bbox("bbox") {
            BoxField::Absent => None,
            BoxField::Given(bbox) => Some(bbox),
            BoxField::Odd(found) => {
                let expected = "[x, y, width, height] of finite numbers";
                return Err(Fault::new("bbox", expected, found, "correct the box"));
            }
        };
        let mask = entry.get("segmentation").map(StoredMask::read).transpose();
        let mask = mask.map_err(|fault| fault.within("segmentation"))?.flatten();
        Self { index, image_id, category_id, score, bbox, mask }.checked()
    }

    fn checked(self) -> Result<Self, Fault> {
        if self.bbox.is_none() && self.mask.is_none() {
            let mend = "write one of them, or remove the result";
            return Err(Fault::new("bbox, segmentation", "at least one of them", "none", mend));
        }
        Ok(self)
    }

    /// Returns the size of its mask, if that does not depend on the image.
    pub(in crate::coco) fn mask_size(&self) -> Option<ImageSize> {
        match self.mask {
            Some(StoredMask::Compressed { size, .. }) => Some(size),
            _ => None,
        }
    }

    /// Names the result by its index and its image.
    pub(in crate::coco) fn name(&self) -> String {
        entry_name(self.index, Some(self.image_id.clone()))
    }
}

impl StoredMask {
    /// Reads what `segmentation` holds.
    pub(in crate::coco) fn read(value: &Value) -> Result<Option<Self>, Fault> {
        if let Some(counts) = value.get("counts").and_then(Value::as_str) {
            let size = seqformer_annotations::read_size(value)?;
            return Ok(Some(Self::Compressed { size, counts: counts.into() }));
        }
        Ok(match Mask::read(value, &mut Dropped::default())? {
            Mask::Absent => None,
            Mask::Unusable => {
                let expected = "polygons of three points or more";
                return Err(Fault::new("", expected, "none", "draw the mask again"));
            }
            Mask::Runs(mask) => {
                let (size, counts) = (mask.size(), mask.to_compressed().into());
                Some(Self::Compressed { size, counts })
            }
            polygons @ Mask::Polygons(_) => Some(Self::Polygons(polygons)),
        })
    }
}

/// Names a result by its index and its image.
pub(super) fn entry_name(index: usize, image_id: Option<Id>) -> String {
    let image = image_id.map(|id| format!(" (image {id})")).unwrap_or_default();
    format!("[{index}]{image}")
}
