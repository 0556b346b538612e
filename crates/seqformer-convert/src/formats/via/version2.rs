//! Projects of version 2, and the exports of versions 1 and 2, which are the pictures of a project alone.

use std::path::Path;

use seqformer_annotations::Fault;
use serde_json::{Map, Value};

use super::pictures::{Kind, Picture, Project, Region, fault, shape, text_of, wrong};
use crate::ConvertError;
use crate::dataset::Shape;

/// The keys of a project.
pub(super) const PICTURES: &str = "_via_img_metadata";
pub(super) const ATTRIBUTES: &str = "_via_attributes";

/// Reads a project or an export.
pub(super) fn read(path: &Path, file: &Map<String, Value>) -> Result<Project, ConvertError> {
    let is_picture = |value: &Value| value.get("filename").is_some();
    if !file.contains_key(PICTURES) && !file.values().any(is_picture) {
        let mend = "give a project or an export of VIA in JSON, or another format with --from";
        let expected = format!("the key {PICTURES}, or pictures with a filename");
        let found = file.keys().take(5).cloned().collect::<Vec<_>>().join(", ");
        let fault = Fault::new("", expected, format!("the keys {found}"), mend);
        return Err(ConvertError::wrong(path, "the whole file", fault));
    }
    let pictures = match file.get(PICTURES) {
        None => file,
        Some(Value::Object(pictures)) => pictures,
        Some(other) => {
            return Err(wrong(path, "the whole file")(fault(PICTURES, "an object", Some(other))));
        }
    };
    let mut project = Project::default();
    let attributes =
        file.get(ATTRIBUTES).and_then(|all| all.get("region")).and_then(Value::as_object);
    for (name, attribute) in attributes.into_iter().flatten() {
        let options = attribute.get("options").and_then(Value::as_object);
        let options = options.into_iter().flat_map(Map::keys).cloned().collect();
        project.attributes.insert(name.clone(), options);
    }
    for (key, value) in pictures {
        project.pictures.push(picture(path, key, value)?);
    }
    Ok(project)
}

fn picture(path: &Path, key: &str, value: &Value) -> Result<Picture, ConvertError> {
    let place = format!("picture {key}");
    let wrong = wrong(path, &place);
    let name = value.get("filename").and_then(Value::as_str);
    let name = name.ok_or_else(|| wrong(fault("filename", "a text", value.get("filename"))))?;
    let list: Vec<&Value> = match value.get("regions") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.iter().collect(),
        // Version 1 numbers them.
        Some(Value::Object(list)) => list.values().collect(),
        other => return Err(wrong(fault("regions", "a list", other))),
    };
    let mut regions = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let place = format!("{place}: regions[{index}]");
        let attributes = texts(value.get("region_attributes"));
        let shape = value
            .get("shape_attributes")
            .and_then(Value::as_object)
            .ok_or_else(|| fault("shape_attributes", "an object", value.get("shape_attributes")));
        let shape = shape.and_then(region_shape).map_err(super::pictures::wrong(path, &place))?;
        regions.push(Region { place, shape, attributes });
    }
    let (name, attributes) = (name.to_owned(), texts(value.get("file_attributes")));
    Ok(Picture { place, name, attributes, regions })
}

fn texts(attributes: Option<&Value>) -> std::collections::BTreeMap<String, String> {
    let attributes = attributes.and_then(Value::as_object).into_iter().flatten();
    attributes.map(|(name, value)| (name.clone(), text_of(value))).collect()
}

/// Reads a shape; `None` for points and lines.
fn region_shape(shape_of: &Map<String, Value>) -> Result<Option<Shape>, Fault> {
    let number = |field: &str| {
        let value = shape_of.get(field);
        value.and_then(Value::as_f64).ok_or_else(|| fault(field, "a number", value))
    };
    let numbers =
        |fields: &[&str]| fields.iter().map(|field| number(field)).collect::<Result<Vec<_>, _>>();
    let list = |field: &str| {
        let value = shape_of.get(field);
        let numbers = value
            .and_then(Value::as_array)
            .and_then(|list| list.iter().map(Value::as_f64).collect());
        numbers.ok_or_else(|| fault(field, "a list of numbers", value))
    };
    let (kind, numbers) = match shape_of.get("name").and_then(Value::as_str) {
        Some("rect") => (Kind::Rectangle, numbers(&["x", "y", "width", "height"])?),
        Some("circle") => (Kind::Circle, numbers(&["cx", "cy", "r"])?),
        Some("ellipse") if shape_of.contains_key("theta") => {
            (Kind::Ellipse, numbers(&["cx", "cy", "rx", "ry", "theta"])?)
        }
        Some("ellipse") => (Kind::Ellipse, numbers(&["cx", "cy", "rx", "ry"])?),
        Some("polygon") => {
            let (xs, ys): (Vec<f64>, Vec<f64>) = (list("all_points_x")?, list("all_points_y")?);
            if xs.len() != ys.len() {
                let expected = format!("as many numbers as all_points_x has, {}", xs.len());
                return Err(fault("all_points_y", &expected, shape_of.get("all_points_y")));
            }
            (Kind::Polygon, xs.into_iter().zip(ys).flat_map(|(x, y)| [x, y]).collect())
        }
        Some("point" | "polyline" | "line") => return Ok(None),
        _ => {
            return Err(fault(
                "name",
                "the name of a shape, such as polygon",
                shape_of.get("name"),
            ));
        }
    };
    shape(kind, &numbers).map(Some)
}
