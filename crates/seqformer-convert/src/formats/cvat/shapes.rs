//! One shape of CVAT, and what lies between two of them.

use seqformer_annotations::Fault;
use seqformer_masks::{BitMask, BoxXywh, ImageSize, Polygon, Rle};

use crate::dataset::Shape;
use crate::geometry::{ellipse, polygon, rectangle};
use crate::xml::{Element, finite};

/// The elements that stand for an object with an area.
pub(super) const WITH_AREA: [&str; 4] = ["box", "polygon", "mask", "ellipse"];
/// Those that do not.
pub(super) const WITHOUT_AREA: [&str; 5] = ["polyline", "points", "cuboid", "skeleton", "tag"];

/// Reads a shape in a frame of `size`.
pub(super) fn read(element: &Element, size: ImageSize) -> Result<Shape, Fault> {
    let degrees = element.get("rotation").and_then(finite).unwrap_or(0.0);
    let number = |key| element.number(key);
    match element.name.as_str() {
        "box" => {
            let (x, y) = (number("xtl")?, number("ytl")?);
            let (width, height) = (number("xbr")? - x, number("ybr")? - y);
            if width < 0.0 || height < 0.0 {
                let found = format!("a box of {width} by {height}");
                return Err(Fault::new(
                    "xbr, ybr",
                    "a corner below and right of the first",
                    found,
                    "correct it",
                ));
            }
            let centre = [x + width / 2.0, y + height / 2.0];
            rectangle(BoxXywh { x, y, width, height }, degrees, centre)
        }
        "ellipse" => {
            ellipse([number("cx")?, number("cy")?], [number("rx")?, number("ry")?], degrees)
        }
        "polygon" => {
            let text = element.required("points")?;
            let point = |point: &str| {
                let (x, y) = point.split_once(',')?;
                Some([finite(x)?, finite(y)?])
            };
            let points: Option<Vec<[f64; 2]>> = text.split(';').map(point).collect();
            let points = points.ok_or_else(|| {
                let start: String = text.chars().take(40).collect();
                Fault::new(
                    "points",
                    "x,y;x,y;… of finite numbers",
                    format!("{start:?}"),
                    "correct the points",
                )
            })?;
            polygon(points).map_err(|fault| fault.within("points"))
        }
        _ => mask(element, size).map(Shape::Mask),
    }
}

/// Reads a mask: run lengths of a window, row by row, beginning with clear pixels.
fn mask(element: &Element, size: ImageSize) -> Result<Rle, Fault> {
    let side = |key| element.count(key, 1 << 20);
    let window = ImageSize { height: side("height")?, width: side("width")? };
    let (left, top) = (side("left")?, side("top")?);
    window.checked().map_err(|error| Fault::of_mask(&error))?;
    let text = element.required("rle")?;
    let counts: Option<Vec<u32>> = text.split(',').map(|count| count.trim().parse().ok()).collect();
    let counts = counts.ok_or_else(|| {
        Fault::new(
            "rle",
            "whole numbers with commas in between",
            "something else",
            "export the file again",
        )
    })?;
    let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    if sum != window.num_pixels() {
        let expected = format!("a sum of {}, for {window}", window.num_pixels());
        return Err(Fault::new(
            "rle",
            expected,
            format!("a sum of {sum}"),
            "export the file again",
        ));
    }
    let mut mask = BitMask::new(size);
    let mut position = 0;
    for (index, count) in counts.into_iter().enumerate() {
        for pixel in position..position + count {
            if index % 2 == 1 {
                mask.set(top + pixel / window.width, left + pixel % window.width, true);
            }
        }
        position += count;
    }
    Ok(Rle::encode(&mask))
}

/// A shape of a track at one of its key frames.
#[derive(Debug)]
pub(super) struct Key {
    /// The frame.
    pub(super) frame: usize,
    /// The shape; `None` if the object is outside from here on.
    pub(super) shape: Option<Shape>,
    /// Whether a part of it is occluded.
    pub(super) is_occluded: bool,
}

/// Visits every frame of a video of `length` frames on which a track is, with its shape, whether it is occluded, and what
/// is to be said if it lies between two key frames.
pub(super) fn fill(
    keys: &[Key],
    length: usize,
    mut visit: impl FnMut(usize, Shape, bool, Option<&'static str>),
) {
    for (index, key) in keys.iter().enumerate() {
        let Some(first) = &key.shape else { continue };
        let next = keys.get(index + 1);
        for frame in key.frame..next.map_or(length, |next| next.frame) {
            let (mut shape, mut what) = (first.clone(), None);
            if frame > key.frame
                && let Some(Key { frame: end, shape: Some(second), .. }) = next
            {
                let part = (frame - key.frame) as f64 / (end - key.frame) as f64;
                what = Some(STAYS);
                if let Some(moved) = between(first, second, part) {
                    (shape, what) = (moved, Some(MOVED));
                }
            }
            visit(frame, shape, key.is_occluded, what);
        }
    }
}

const MOVED: &str = "shapes lie between two key frames: their corners are moved";
const STAYS: &str =
    "shapes lie between key frames that differ in kind or number of corners: the one before stays";

/// Interpolates between two shapes, `part` of the way; `None` if CVAT's rule needs more than moving corners.
fn between(first: &Shape, second: &Shape, part: f64) -> Option<Shape> {
    let mix = |a: f64, b: f64| a + (b - a) * part;
    match (first, second) {
        (Shape::Box(a), Shape::Box(b)) => Some(Shape::Box(BoxXywh {
            x: mix(a.x, b.x),
            y: mix(a.y, b.y),
            width: mix(a.width, b.width),
            height: mix(a.height, b.height),
        })),
        (Shape::Polygons(a), Shape::Polygons(b)) => {
            let ([a], [b]) = (&**a, &**b) else { return None };
            let (a, b) = (a.vertices(), b.vertices());
            if a.len() != b.len() {
                return None;
            }
            let corner = |(a, b): (&[f64; 2], &[f64; 2])| [mix(a[0], b[0]), mix(a[1], b[1])];
            let polygon = Polygon::from_vertices(a.iter().zip(b).map(corner).collect()).ok()?;
            Some(Shape::Polygons(Box::new([polygon])))
        }
        _ => None,
    }
}
