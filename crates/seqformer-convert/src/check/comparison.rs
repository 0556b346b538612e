//! Boxes and areas beside the masks that they are of.

use seqformer_annotations::{BoxField, Fault, describe};
use seqformer_masks::{BoxXywh, Rle};
use serde_json::Value;

use super::problem::Kind;

/// Boxes of polygons may lie within a pixel of those of their pixels.
const BOX_TOLERANCE: f64 = 1.0;
/// Areas of polygons differ from the number of their pixels by a part of their outline.
const AREA_TOLERANCE: f64 = 0.05;

/// The box of a mask as files have it.
pub(super) fn numbers(mask: &Rle) -> [f64; 4] {
    let BoxXywh { x, y, width, height } = mask.bounding_box();
    [x, y, width, height]
}

/// Looks at a box where there is no mask.
pub(super) fn lone_box(field: &str, value: &Value) -> Option<(Kind, Fault)> {
    let BoxField::Odd(found) = BoxField::read(value) else { return None };
    let kind = if is_finite(&found) { Kind::WrongField } else { Kind::NotFinite };
    Some((kind, Fault::new(field, "[x, y, width, height]", found, "write null")))
}

/// Compares a box with that of its mask.
pub(super) fn box_of(field: &str, value: &Value, mask: &Rle) -> Option<(Kind, Fault)> {
    let (found, kind) = match BoxField::read(value) {
        BoxField::Absent => return None,
        BoxField::Given(found) if is_near(found, mask.bounding_box()) => return None,
        BoxField::Given(BoxXywh { x, y, width, height }) => {
            (format!("[{x}, {y}, {width}, {height}]"), Kind::BoxMismatch)
        }
        BoxField::Odd(found) if is_finite(&found) => (found.into_string(), Kind::BoxMismatch),
        BoxField::Odd(found) => (found.into_string(), Kind::NotFinite),
    };
    let expected = format!("the box of the mask, {:?}", numbers(mask));
    Some((kind, Fault::new(field, expected, found, "take the box of the mask")))
}

/// Compares an area with that of its mask; the area of a polygon need not be that of its pixels.
pub(super) fn area_of(
    field: &str,
    value: &Value,
    mask: &Rle,
    is_polygon: bool,
) -> Option<(Kind, Fault)> {
    let expected = mask.area() as f64;
    let bounds = mask.bounding_box();
    let tolerance =
        if is_polygon { AREA_TOLERANCE * expected + bounds.width + bounds.height } else { 0.5 };
    let kind = match value.as_f64() {
        Some(found) if (found - expected).abs() <= tolerance => return None,
        None if value.is_null() => return None,
        None if !is_finite(&describe(value)) => Kind::NotFinite,
        _ => Kind::AreaMismatch,
    };
    let expected = format!("the area of the mask, {expected}");
    Some((kind, Fault::new(field, expected, describe(value), "take the area of the mask")))
}

/// Returns whether a text is about anything but Python's words for numbers that are not finite.
pub(super) fn is_finite(found: &str) -> bool {
    !found.contains("NaN") && !found.contains("Infinity")
}

fn is_near(a: BoxXywh, b: BoxXywh) -> bool {
    let corners =
        |bounds: BoxXywh| [bounds.x, bounds.y, bounds.x + bounds.width, bounds.y + bounds.height];
    corners(a).into_iter().zip(corners(b)).all(|(a, b)| (a - b).abs() <= BOX_TOLERANCE)
}
