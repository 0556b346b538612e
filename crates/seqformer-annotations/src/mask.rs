//! The ways to write a mask: polygons, and run lengths as a list or as text.

use seqformer_masks::{ImageSize, MaskError, Polygon, Rle};
use serde_json::Value;

use crate::Fault;
use crate::value::{describe, is_absent, non_finite, whole_number};

const POLYGON: &str = "a list of polygons [x, y, x, y, …] of finite numbers";
const RUNS: &str = "run lengths {\"size\": [height, width], \"counts\": …}";
const MEND: &str = "export the mask again, or write null where there is none";
/// The numbers of three points.
const MIN_POLYGON: usize = 6;

/// The mask of an object on one frame or image.
#[derive(Debug, Clone, PartialEq)]
pub enum Mask {
    /// Null, an empty list or an empty object.
    Absent,
    /// Something was written, but without a polygon of three points or more.
    Unusable,
    /// Run lengths, with the size stored beside them.
    Runs(Rle),
    /// The union of one or more polygons.
    Polygons(Box<[Polygon]>),
}

/// What was dropped from masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Polygons with fewer than three points or half a point, beside a valid one.
    pub stray_polygons: usize,
    /// Masks without any valid polygon.
    pub unusable: usize,
    /// Among those, masks with the four numbers of a box.
    pub boxes: usize,
}

impl Mask {
    /// Reads a mask, and counts what is dropped.
    ///
    /// Polygons of fewer than six numbers, or of an odd number, are dropped.
    ///
    /// Reference: detectron2 `data/datasets/coco.py`, `load_coco_json`.
    ///
    /// # Errors
    ///
    /// A value that is not a mask; the field is the place within the value.
    pub fn read(value: &Value, dropped: &mut Dropped) -> Result<Self, Fault> {
        match value {
            absent if is_absent(absent) => Ok(Self::Absent),
            Value::Array(polygons) => read_polygons(polygons, dropped),
            Value::Object(_) => read_runs(value).map(Self::Runs),
            other => {
                let expected = "run lengths, a list of polygons, or null";
                Err(Fault::new("", expected, describe(other), MEND))
            }
        }
    }

    /// Draws the mask into an image of `size`, which only polygons need; `None` if there is no
    /// mask.
    ///
    /// # Errors
    ///
    /// Polygons without a size.
    pub fn draw(&self, size: Option<ImageSize>) -> Result<Option<Rle>, Fault> {
        match self {
            Self::Absent | Self::Unusable => Ok(None),
            Self::Runs(mask) => Ok(Some(mask.clone())),
            Self::Polygons(polygons) => {
                let size = size.ok_or_else(|| {
                    let found = "polygons in an image without height and width";
                    let mend = "add height and width to the image";
                    Fault::new("", "a mask that can be drawn", found, mend)
                })?;
                let parts: Vec<Rle> =
                    polygons.iter().map(|polygon| polygon.rasterize(size)).collect();
                Rle::union(&parts).map(Some).map_err(|error| Fault::of_mask(&error))
            }
        }
    }
}

impl Dropped {
    /// Adds other counts.
    pub fn add(&mut self, other: Self) {
        self.stray_polygons += other.stray_polygons;
        self.unusable += other.unusable;
        self.boxes += other.boxes;
    }
}

fn read_polygons(polygons: &[Value], dropped: &mut Dropped) -> Result<Mask, Fault> {
    let mut valid = Vec::new();
    let mut all_boxes = true;
    for (index, polygon) in polygons.iter().enumerate() {
        let field = format!("[{index}]");
        let numbers: Option<Vec<f64>> =
            polygon.as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        let numbers =
            numbers.ok_or_else(|| Fault::new(&field, POLYGON, describe(polygon), MEND))?;
        all_boxes &= numbers.len() == 4;
        if numbers.len() < MIN_POLYGON || !numbers.len().is_multiple_of(2) {
            continue;
        }
        let polygon =
            Polygon::from_xy(&numbers).map_err(|error| Fault::of_mask(&error).within(&field))?;
        valid.push(polygon);
    }
    if valid.is_empty() {
        dropped.unusable += 1;
        dropped.boxes += usize::from(all_boxes);
        return Ok(Mask::Unusable);
    }
    dropped.stray_polygons += polygons.len() - valid.len();
    Ok(Mask::Polygons(valid.into_boxed_slice()))
}

/// Reads run lengths in either form.
fn read_runs(value: &Value) -> Result<Rle, Fault> {
    let size = read_size(value)?;
    let counts = value.get("counts").filter(|counts| !counts.is_null());
    let mask = match counts {
        Some(Value::String(text)) if non_finite(&value["counts"]).is_none() => {
            Rle::parse_compressed(size, text)
        }
        Some(Value::Array(list)) => {
            let mut runs = Vec::with_capacity(list.len());
            for (index, run) in list.iter().enumerate() {
                let number = whole_number(run).and_then(|run| u32::try_from(run).ok());
                runs.push(number.ok_or_else(|| {
                    let field = format!("counts[{index}]");
                    Fault::new(field, "a whole number of 0 or more", describe(run), MEND)
                })?);
            }
            Rle::from_counts(size, runs)
        }
        other => {
            let found = other.map_or("no such field".to_owned(), describe);
            let expected = "run lengths as a text or a list of numbers";
            return Err(Fault::new("counts", expected, found, MEND));
        }
    };
    mask.map_err(|error| Fault::of_mask(&error))
}

/// Reads the `size` of run lengths, `[height, width]`.
///
/// # Errors
///
/// A value that is not a pair of positive numbers of pixels.
pub fn read_size(mask: &Value) -> Result<ImageSize, Fault> {
    let side = |side: &Value| whole_number(side).and_then(|side| u32::try_from(side).ok());
    let sides = match mask.get("size").and_then(Value::as_array).map(Vec::as_slice) {
        Some([height, width]) => side(height).zip(side(width)),
        _ => None,
    };
    let (height, width) = sides.ok_or_else(|| {
        let found = mask.get("size").map_or("no such field".to_owned(), describe);
        let mend = "write the height and width of the image files";
        Fault::new("size", "[height, width] in pixels", found, mend)
    })?;
    Ok(ImageSize { height, width })
}

impl Fault {
    /// The fault of an invalid mask.
    pub fn of_mask(error: &MaskError) -> Self {
        let (expected, found) = match error {
            MaskError::RunSum { size, expected, found } => (
                format!("run lengths with a sum of {expected}, for the size {size}"),
                format!("a sum of {found}"),
            ),
            MaskError::TooLarge { size } => {
                (format!("at most {} pixels", ImageSize::MAX_PIXELS), size.to_string())
            }
            MaskError::PolygonCoordinate { found } => {
                // Numbers of hundreds of digits are written with an exponent.
                let found =
                    if found.abs() < 1e15 { found.to_string() } else { format!("{found:e}") };
                ("coordinates between -1000000 and 1000000".to_owned(), found)
            }
            MaskError::Character { position, found } => (
                "compressed run lengths, characters from '0' to 'o'".to_owned(),
                format!("{found:?} at position {position}"),
            ),
            MaskError::UnfinishedNumber => (
                "compressed run lengths".to_owned(),
                "a text that is cut off inside a number".to_owned(),
            ),
            MaskError::RunRange { index } => (
                "compressed run lengths of 0 to 4294967295".to_owned(),
                format!("another value in run {index}"),
            ),
            other => (RUNS.to_owned(), other.to_string()),
        };
        Self::new("", expected, found, MEND)
    }
}

/// The fault of a mask whose size differs from its frame, with a likely cause.
pub fn other_size(expected: ImageSize, found: ImageSize) -> Fault {
    let is_turned = expected.height == found.width && expected.width == found.height;
    let mend = if is_turned {
        "the size of a mask is [height, width]: was it written as [width, height]?"
    } else {
        "make the mask at the size of the image files"
    };
    Fault::new("size", format!("that of the frame, {expected}"), found.to_string(), mend)
}

#[cfg(test)]
mod tests {
    use seqformer_masks::ImageSize;
    use serde_json::{Value, json};

    use super::{Dropped, Mask};

    const SIZE: ImageSize = ImageSize { height: 3, width: 4 };

    #[test]
    fn every_way_to_write_a_mask_is_read() {
        let area = |value: Value| {
            let mask = Mask::read(&value, &mut Dropped::default()).unwrap();
            mask.draw(Some(SIZE)).unwrap().map(|mask| mask.area())
        };
        assert_eq!(area(json!({"size": [3, 4], "counts": "<"})), Some(0));
        assert_eq!(area(json!({"size": [3.0, 4], "counts": [2, 6.0, 4], "more": 1})), Some(6));
        assert_eq!(area(json!([[0, 0, 2, 0, 2, 2, 0, 2], [7, 7]])), Some(4));
        for nothing in [json!(null), json!([]), json!({}), json!([[1, 2, 3, 4]])] {
            assert_eq!(area(nothing.clone()), None, "{nothing}");
        }
    }

    #[test]
    fn polygons_need_the_size_of_their_image_and_run_lengths_do_not() {
        let read = |value: Value| Mask::read(&value, &mut Dropped::default()).unwrap();
        let runs = read(json!({"size": [3, 4], "counts": [2, 6, 4]}));
        assert_eq!(runs.draw(None).unwrap().unwrap().area(), 6);
        let message = read(json!([[0, 0, 2, 0, 2, 2]])).draw(None).unwrap_err().to_string();
        assert!(message.contains("add height and width"), "{message}");
    }
}
