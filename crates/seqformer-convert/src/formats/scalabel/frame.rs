//! One frame with its labels.

use std::path::PathBuf;

use seqformer_annotations::{Dropped, Entry, Fault, Id, Mask, describe, whole_number};
use seqformer_masks::{BoxXywh, ImageSize, Polygon};
use serde_json::Value;

use crate::dataset::Shape;
use crate::geometry::closed;

/// Number of straight segments that approximate a curve.
const CURVE_PIECES: u32 = 16;

/// One frame of the list.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) path: PathBuf,
    pub(super) place: String,
    pub(super) name: String,
    pub(super) video: Option<String>,
    pub(super) index: Option<i64>,
    pub(super) size: Option<ImageSize>,
    pub(super) labels: Vec<Label>,
}

/// An object on a frame.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) id: Id,
    pub(super) category: String,
    pub(super) is_crowd: bool,
    pub(super) is_ignored: bool,
    pub(super) is_occluded: Option<bool>,
    pub(super) shape: Option<Shape>,
}

impl Frame {
    /// Reads a frame; the caller fills in its path and place.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
        let entry = Entry::parse(text)?;
        let name = entry.text("name")?.unwrap_or_default().to_owned();
        let size = match entry.get("size") {
            Some(size @ Value::Object(_)) => Entry::parse(size.to_string().as_bytes())?
                .size()
                .map_err(|fault| fault.within("size"))?,
            _ => None,
        };
        let labels = match entry.get("labels") {
            None => Vec::new(),
            Some(Value::Array(labels)) => labels
                .iter()
                .enumerate()
                .map(|(index, label)| {
                    Label::parse(label, index)
                        .map_err(|fault| fault.within(&format!("labels[{index}]")))
                })
                .collect::<Result<_, Fault>>()?,
            Some(other) => {
                return Err(Fault::new(
                    "labels",
                    "a list or null",
                    describe(other),
                    "export the file again",
                ));
            }
        };
        Ok(Self {
            path: PathBuf::new(),
            place: String::new(),
            name,
            video: entry.text("videoName")?.or(entry.text("video_name")?).map(str::to_owned),
            index: entry
                .get("frameIndex")
                .or_else(|| entry.get("frame_index"))
                .and_then(whole_number),
            size,
            labels,
        })
    }
}

impl Label {
    fn parse(value: &Value, index: usize) -> Result<Self, Fault> {
        let entry = Entry::parse(value.to_string().as_bytes())?;
        let id = match entry.get("id") {
            None => Id::Number(index as i64),
            Some(_) => entry.id("id")?,
        };
        let attributes = entry.get("attributes").and_then(Value::as_object);
        let mark = |name: &str| {
            attributes.and_then(|attributes| attributes.get(name)).and_then(Value::as_bool)
        };
        let shape = match (entry.get("rle"), entry.get("poly2d"), entry.get("box2d")) {
            (Some(rle), ..) => {
                let mask = Mask::read(rle, &mut Dropped::default())
                    .map_err(|fault| fault.within("rle"))?;
                Shape::from_mask(mask, None)
            }
            (None, Some(Value::Array(list)), _) if !list.is_empty() => {
                let polygons: Vec<Polygon> = list
                    .iter()
                    .enumerate()
                    .map(|(index, polygon)| {
                        parse_polygon(polygon)
                            .map_err(|fault| fault.within(&format!("poly2d[{index}]")))
                    })
                    .collect::<Result<_, Fault>>()?;
                Some(Shape::Polygons(polygons.into()))
            }
            (None, _, Some(bounds)) => {
                let bounds = Entry::parse(bounds.to_string().as_bytes())
                    .map_err(|fault| fault.within("box2d"))?;
                let number =
                    |field: &str| bounds.number(field).map_err(|fault| fault.within("box2d"));
                let (x, y) = (number("x1")?, number("y1")?);
                Some(Shape::Box(BoxXywh {
                    x,
                    y,
                    width: number("x2")? - x,
                    height: number("y2")? - y,
                }))
            }
            _ => None,
        };
        Ok(Self {
            id,
            category: entry.text("category")?.unwrap_or_default().to_owned(),
            is_crowd: mark("crowd").unwrap_or(false),
            is_ignored: mark("ignored").unwrap_or(false),
            is_occluded: mark("occluded"),
            shape,
        })
    }
}

fn parse_polygon(value: &Value) -> Result<Polygon, Fault> {
    let vertices = value.get("vertices").unwrap_or(&Value::Null);
    let point = |point: &Value| match point.as_array().map(Vec::as_slice) {
        Some([x, y]) => Some([x.as_f64()?, y.as_f64()?]),
        _ => None,
    };
    let points: Option<Vec<[f64; 2]>> =
        vertices.as_array().and_then(|points| points.iter().map(point).collect());
    let points = points.ok_or_else(|| {
        Fault::new("vertices", "a list of [x, y]", describe(vertices), "export the file again")
    })?;
    let types: Vec<u8> =
        value.get("types").and_then(Value::as_str).unwrap_or_default().bytes().collect();
    let is_control = |index: usize| types.get(index % points.len()) == Some(&b'C');
    // Two control points between two corners make a cubic curve.
    let mut corners = Vec::with_capacity(points.len());
    let mut index = 0;
    while index < points.len() {
        let start = points[index];
        corners.push(start);
        let bends = !is_control(index)
            && is_control(index + 1)
            && is_control(index + 2)
            && index + 2 < points.len();
        if bends {
            let controls = [points[index + 1], points[index + 2]];
            let end = points[(index + 3) % points.len()];
            corners.extend((1..CURVE_PIECES).map(|piece| {
                bezier(start, controls, end, f64::from(piece) / f64::from(CURVE_PIECES))
            }));
            index += 3;
        } else {
            index += 1;
        }
    }
    closed(corners).map_err(|fault| fault.within("vertices"))
}

/// A point of a cubic curve.
fn bezier(start: [f64; 2], [first, second]: [[f64; 2]; 2], end: [f64; 2], t: f64) -> [f64; 2] {
    let s = 1.0 - t;
    let mix = |axis: usize| {
        s * s * s * start[axis]
            + 3.0 * s * s * t * first[axis]
            + 3.0 * s * t * t * second[axis]
            + t * t * t * end[axis]
    };
    [mix(0), mix(1)]
}
