//! One file: a frame with its shapes.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seqformer_annotations::{Entry, Fault, Id, describe, whole_number};
use seqformer_masks::{BitMask, BoxXywh, ImageSize, Rle};
use serde_json::Value;

use crate::dataset::Shape;
use crate::geometry::{ellipse, polygon};
use crate::{ConvertError, Notes};

/// One file.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) path: PathBuf,
    pub(super) size: ImageSize,
    pub(super) image: String,
    pub(super) shapes: Vec<LabelledShape>,
}

/// An object, or a part of one.
#[derive(Debug)]
pub(super) struct LabelledShape {
    pub(super) label: String,
    pub(super) group: Option<i64>,
    pub(super) shape: Shape,
    pub(super) is_crowd: bool,
    pub(super) is_ignored: bool,
    pub(super) is_occluded: bool,
}

impl Frame {
    /// Reads a file.
    pub(super) fn read(path: &Path, notes: &mut Notes) -> Result<Self, ConvertError> {
        let text = std::fs::read(path).map_err(|source| ConvertError::read(path, source))?;
        let wrong = |place: &str, fault| ConvertError::wrong(path, place, fault);
        let file = Entry::parse(&text).map_err(|fault| wrong("the whole file", fault))?;
        let side = |field: &str| {
            let value = file.required(field, "a number of pixels")?;
            let side = whole_number(value)
                .and_then(|side| u32::try_from(side).ok())
                .filter(|&side| side > 0);
            let mend = "write the size of the image";
            side.ok_or_else(|| {
                Fault::new(field, "a number of pixels of 1 or more", describe(value), mend)
            })
        };
        let size = side("imageHeight")
            .and_then(|height| Ok(ImageSize { height, width: side("imageWidth")? }));
        let size = size.map_err(|fault| wrong("the whole file", fault))?;
        size.checked().map_err(|error| wrong("the whole file", Fault::of_mask(&error)))?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let image = file.text("imagePath").map_err(|fault| wrong("the whole file", fault))?;
        let image = image.map(|image| image.rsplit(['/', '\\']).next().unwrap_or(image).to_owned());
        let image =
            image.filter(|image| !image.is_empty()).unwrap_or_else(|| format!("{stem}.jpg"));
        let list =
            file.required("shapes", "a list").map_err(|fault| wrong("the whole file", fault))?;
        let list = list.as_array().ok_or_else(|| {
            let fault =
                Fault::new("shapes", "a list", describe(list), "save the file with labelme again");
            wrong("the whole file", fault)
        })?;
        let mut shapes = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let place = format!("shapes[{index}]");
            let entry =
                Entry::parse(value.to_string().as_bytes()).map_err(|fault| wrong(&place, fault))?;
            match LabelledShape::read(&entry, size).map_err(|fault| wrong(&place, fault))? {
                Some(shape) => shapes.push(shape),
                None => notes.count("points and lines are left out", || {
                    format!("{}: {place}", path.display())
                }),
            }
        }
        Ok(Self { path: path.to_path_buf(), size, image, shapes })
    }
}

impl LabelledShape {
    /// Reads a shape; `None` for one without an area.
    fn read(entry: &Entry, size: ImageSize) -> Result<Option<Self>, Fault> {
        let kind = entry.text("shape_type")?.unwrap_or("polygon");
        let points = || points(entry);
        let two = || {
            points()?.try_into().map_err(|points: Vec<_>| {
                let found = format!("{} points", points.len());
                Fault::new("points", "two points", found, "draw the shape again")
            })
        };
        let shape = match kind {
            "polygon" => polygon(points()?).map_err(|fault| fault.within("points"))?,
            "rectangle" => {
                let [[ax, ay], [bx, by]]: [[f64; 2]; 2] = two()?;
                let (x, y) = (ax.min(bx), ay.min(by));
                Shape::Box(BoxXywh { x, y, width: (ax - bx).abs(), height: (ay - by).abs() })
            }
            "circle" => {
                let [centre, edge]: [[f64; 2]; 2] = two()?;
                let radius = (edge[0] - centre[0]).hypot(edge[1] - centre[1]);
                ellipse(centre, [radius, radius], 0.0)?
            }
            "mask" => Shape::Mask(mask(entry, points()?, size)?),
            _ => return Ok(None),
        };
        let group = match entry.get("group_id") {
            None => None,
            Some(value) => Some(whole_number(value).filter(|&id| id >= 0).ok_or_else(|| {
                let mend = "number objects from 0 on";
                Fault::new(
                    "group_id",
                    "a whole number of 0 or more, or null",
                    describe(value),
                    mend,
                )
            })?),
        };
        let flags = entry.get("flags").and_then(Value::as_object);
        let flag = |name: &str| flags.and_then(|flags| flags.get(name)) == Some(&Value::Bool(true));
        let label = match Id::read(entry.required("label", "a text")?) {
            Some(Id::Text(label)) => label.into_string(),
            Some(Id::Number(label)) => label.to_string(),
            None => {
                return Err(Fault::new("label", "a text", "something else", "write it in quotes"));
            }
        };
        Ok(Some(Self {
            label,
            group,
            shape,
            is_crowd: flag("crowd"),
            is_ignored: flag("ignored"),
            is_occluded: flag("occluded"),
        }))
    }
}

fn points(entry: &Entry) -> Result<Vec<[f64; 2]>, Fault> {
    let value = entry.required("points", "a list of [x, y]")?;
    let point = |point: &Value| match point.as_array().map(Vec::as_slice) {
        Some([x, y]) => Some([x.as_f64()?, y.as_f64()?]),
        _ => None,
    };
    let points = value.as_array().and_then(|points| points.iter().map(point).collect());
    points.ok_or_else(|| {
        Fault::new("points", "a list of [x, y]", describe(value), "draw the shape again")
    })
}

/// Reads a mask: a PNG in base64, for the window between two corners, both within it.
fn mask(entry: &Entry, corners: Vec<[f64; 2]>, size: ImageSize) -> Result<Rle, Fault> {
    const MEND: &str = "draw the mask again";
    let text = entry.text("mask")?.unwrap_or_default();
    let wrong = |found: String| Fault::new("mask", "a PNG image in base64", found, MEND);
    let bytes = STANDARD.decode(text.trim()).map_err(|error| wrong(error.to_string()))?;
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    // Masks are stored as one bit or one byte a pixel; this makes it one byte.
    decoder.set_transformations(png::Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(|error| wrong(error.to_string()))?;
    let window = ImageSize { height: header.height, width: header.width };
    window.checked().map_err(|error| Fault::of_mask(&error).within("mask"))?;
    let mut reader = decoder.read_info().map_err(|error| wrong(error.to_string()))?;
    let (color, _) = reader.output_color_type();
    if color != png::ColorType::Grayscale {
        return Err(wrong(format!("a PNG of the kind {color:?}")));
    }
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
    reader.next_frame(&mut pixels).map_err(|error| wrong(error.to_string()))?;
    let corner = corners.first().copied().filter(|[x, y]| *x >= 0.0 && *y >= 0.0);
    let [x, y] = corner.ok_or_else(|| {
        Fault::new("points", "the corners of the mask", "none inside the image", MEND)
    })?;
    let (left, top) = (x.round() as u32, y.round() as u32);
    let mut mask = BitMask::new(size);
    for (index, _) in pixels.iter().enumerate().filter(|(_, pixel)| **pixel != 0) {
        let index = index as u32;
        mask.set(
            top.saturating_add(index / window.width),
            left.saturating_add(index % window.width),
            true,
        );
    }
    Ok(Rle::encode(&mask))
}
