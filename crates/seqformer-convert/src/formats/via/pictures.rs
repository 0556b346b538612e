//! Pictures with their shapes, as both versions have them.

use std::collections::BTreeMap;
use std::path::Path;

use seqformer_annotations::{Fault, describe};
use seqformer_masks::BoxXywh;
use serde_json::Value;

use crate::ConvertError;
use crate::dataset::Shape;
use crate::geometry::{ellipse, polygon};

/// A project.
#[derive(Debug, Default)]
pub(super) struct Project {
    /// The pictures.
    pub(super) pictures: Vec<Picture>,
    /// The attributes of objects with their options, as far as the file lists them.
    pub(super) attributes: BTreeMap<String, Vec<String>>,
}

/// A picture.
#[derive(Debug)]
pub(super) struct Picture {
    /// Its place in the file, for messages.
    pub(super) place: String,
    /// Its file.
    pub(super) name: String,
    /// Its own attributes.
    pub(super) attributes: BTreeMap<String, String>,
    /// The shapes on it.
    pub(super) regions: Vec<Region>,
}

/// A shape.
#[derive(Debug)]
pub(super) struct Region {
    /// Its place in the file, for messages.
    pub(super) place: String,
    /// The shape; `None` for points and lines.
    pub(super) shape: Option<Shape>,
    /// Its attributes.
    pub(super) attributes: BTreeMap<String, String>,
}

const MEND: &str = "save the project with VIA again";

/// The fault of a value that is of another kind.
pub(super) fn fault(field: &str, expected: &str, found: Option<&Value>) -> Fault {
    let found = found.map_or_else(|| "no such field".to_owned(), describe);
    Fault::new(field, expected, found, MEND)
}

/// Adds the place to a fault.
pub(super) fn wrong<'a>(path: &'a Path, place: &str) -> impl Fn(Fault) -> ConvertError + use<'a> {
    let place = place.to_owned();
    move |fault| ConvertError::wrong(path, place.as_str(), fault)
}

/// The kinds of shapes, with their numbers in version 3.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Rectangle,
    Circle,
    Ellipse,
    Polygon,
    /// A rectangle through four points.
    ExtremeRectangle,
    /// A circle through three points.
    ExtremeCircle,
}

/// Creates a shape from its numbers: corner and sides, centre and half axes (with an angle in radians), or points.
pub(super) fn shape(kind: Kind, numbers: &[f64]) -> Result<Shape, Fault> {
    let found = || format!("{} numbers", numbers.len());
    let wrong = |expected: &str| Fault::new("", expected, found(), MEND);
    let (points, rest) = numbers.as_chunks::<2>();
    match (kind, numbers) {
        (Kind::Rectangle, &[x, y, width, height]) => {
            Ok(Shape::Box(BoxXywh { x, y, width, height }))
        }
        (Kind::Rectangle, _) => Err(wrong("x, y, width and height")),
        (Kind::Circle, &[x, y, radius]) => ellipse([x, y], [radius, radius], 0.0),
        (Kind::Circle, _) => Err(wrong("a centre and a radius")),
        (Kind::Ellipse, &[x, y, rx, ry]) => ellipse([x, y], [rx, ry], 0.0),
        (Kind::Ellipse, &[x, y, rx, ry, angle]) => ellipse([x, y], [rx, ry], angle.to_degrees()),
        (Kind::Ellipse, _) => Err(wrong("a centre and two half axes")),
        (Kind::Polygon, _) if rest.is_empty() => polygon(points.to_vec()),
        (Kind::Polygon, _) => Err(wrong("x and y of every corner")),
        (Kind::ExtremeRectangle, _) if rest.is_empty() && points.len() == 4 => {
            let side = |axis: usize| {
                let values = points.iter().map(move |point| point[axis]);
                (values.clone().fold(f64::MAX, f64::min), values.fold(f64::MIN, f64::max))
            };
            let ((x0, x1), (y0, y1)) = (side(0), side(1));
            Ok(Shape::Box(BoxXywh { x: x0, y: y0, width: x1 - x0, height: y1 - y0 }))
        }
        (Kind::ExtremeRectangle, _) => Err(wrong("four points")),
        (Kind::ExtremeCircle, &[ax, ay, bx, by, cx, cy]) => {
            // The centre has the same distance from all points.
            let (bx, by, cx, cy) = (bx - ax, by - ay, cx - ax, cy - ay);
            let twice_area = 2.0 * (bx * cy - by * cx);
            let (b, c) = (bx * bx + by * by, cx * cx + cy * cy);
            let (x, y) = ((cy * b - by * c) / twice_area, (bx * c - cx * b) / twice_area);
            let radius = x.hypot(y);
            ellipse([ax + x, ay + y], [radius, radius], 0.0)
        }
        (Kind::ExtremeCircle, _) => Err(wrong("three points")),
    }
    .and_then(|shape| {
        if is_far(&shape) { Err(wrong("finite numbers that are not far away")) } else { Ok(shape) }
    })
}

fn is_far(shape: &Shape) -> bool {
    const FAR: f64 = 1e6;
    let BoxXywh { x, y, width, height } = shape.bounding_box();
    [x, y, width, height].iter().any(|number| !number.is_finite() || number.abs() > FAR)
}

/// Reads a value of an attribute: a text, a number, or the options of a checkbox that are set.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Null => String::new(),
        Value::Object(options) => {
            let set = options.iter().filter(|(_, is_set)| **is_set == Value::Bool(true));
            set.map(|(option, _)| option.as_str()).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}
