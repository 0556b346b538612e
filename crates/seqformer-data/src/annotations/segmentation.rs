//! The three ways to write a segmentation: polygons and two kinds of run lengths.

use seqformer_masks::{ImageSize, Polygon, Rle};
use serde::Deserialize as _;
use serde_json::Value;

use super::entry::{Entry, describe, is_absent};
use crate::{DataError, Segmentation};

const POLYGON: &str = "a list of polygons [x, y, x, y, …] of finite numbers";
const MEND: &str = "export the segmentation again, or write null for both box and segmentation";

/// A segmentation in a frame.
#[derive(Debug)]
pub(super) enum Found {
    /// Null or empty.
    Absent,
    /// Polygons, all with fewer than three points or half a point.
    NoValidPolygon,
    Valid(Segmentation),
}

/// Reads the segmentation `value` of a frame of `size`, which stands in `field`.
pub(super) fn read(
    entry: &Entry<'_>,
    field: &str,
    value: &Value,
    size: ImageSize,
) -> Result<Found, DataError> {
    match value {
        absent if is_absent(absent) => Ok(Found::Absent),
        Value::Array(polygons) => {
            let mut valid = Vec::new();
            for (index, polygon) in polygons.iter().enumerate() {
                let numbers = numbers_of(polygon).ok_or_else(|| {
                    let field = format!("{field}[{index}]");
                    entry.error(&field, POLYGON, &describe(polygon), MEND)
                })?;
                if numbers.len() < 6 || numbers.len() % 2 != 0 {
                    continue;
                }
                valid.push(Polygon::from_xy(&numbers).map_err(|error| {
                    entry.error(&format!("{field}[{index}]"), POLYGON, &error.to_string(), MEND)
                })?);
            }
            if valid.is_empty() {
                return Ok(Found::NoValidPolygon);
            }
            Ok(Found::Valid(Segmentation::Polygons(valid)))
        }
        Value::Object(_) => {
            let rle = Rle::deserialize(value).map_err(|error| {
                let expected = "run lengths {\"size\": [height, width], \"counts\": …}";
                entry.error(field, expected, &error.to_string(), MEND)
            })?;
            if rle.size() != size {
                let expected = format!("run lengths of the size of the video, {size}");
                let mend = "make the mask at the size of the image files";
                return Err(entry.error(field, &expected, &rle.size().to_string(), mend));
            }
            Ok(Found::Valid(Segmentation::Rle(rle)))
        }
        other => {
            let expected = "null, run lengths or a list of polygons";
            Err(entry.error(field, expected, &describe(other), MEND))
        }
    }
}

fn numbers_of(polygon: &Value) -> Option<Vec<f64>> {
    polygon.as_array()?.iter().map(Value::as_f64).collect()
}
