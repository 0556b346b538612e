//! Projects of version 3.

use std::collections::BTreeMap;
use std::path::Path;

use seqformer_annotations::Fault;
use serde_json::{Map, Value};

use super::pictures::{Kind, Picture, Project, Region, fault, shape, text_of, wrong};
use crate::dataset::Shape;
use crate::{ConvertError, Notes};

/// The kind of a file that is a picture, by `_VIA_FILE_TYPE`.
const PICTURE: u64 = 2;

/// An attribute: its name, and its options by their numbers.
type Attribute = (String, BTreeMap<String, String>);

/// Reads a project.
pub(super) fn read(
    path: &Path,
    file: &Map<String, Value>,
    notes: &mut Notes,
) -> Result<Project, ConvertError> {
    let whole = wrong(path, "the whole file");
    let part = |name: &str| {
        let value = file.get(name);
        value.and_then(Value::as_object).ok_or_else(|| whole(fault(name, "an object", value)))
    };
    let attributes = attributes(part("attribute")?);
    let mut project = Project::default();
    for (name, options) in attributes.values() {
        project.attributes.insert(name.clone(), options.values().cloned().collect());
    }
    let mut pictures: BTreeMap<&str, Picture> = BTreeMap::new();
    let mut films = 0;
    for (id, value) in part("file")? {
        let place = format!("file {id}");
        let name = value.get("fname").and_then(Value::as_str);
        let name =
            name.ok_or_else(|| wrong(path, &place)(fault("fname", "a text", value.get("fname"))))?;
        if value.get("type").and_then(Value::as_u64) != Some(PICTURE) {
            films += 1;
            notes.count(
                "films are left out, because shapes have times there instead of frames",
                || format!("{name} (data frames makes pictures of it)"),
            );
            continue;
        }
        let (attributes, regions) = (BTreeMap::new(), Vec::new());
        pictures.insert(id, Picture { place, name: name.to_owned(), attributes, regions });
    }
    if pictures.is_empty() && films > 0 {
        let mend = "annotate frames instead: `data frames` makes pictures of a film";
        let found = format!("{films} films or sounds, whose shapes have times instead of frames");
        return Err(whole(Fault::new("file", "pictures", found, mend)));
    }
    let views = part("view")?;
    for (id, value) in part("metadata")? {
        let place = format!("metadata {id}");
        let wrong = wrong(path, &place);
        let view = value.get("vid").map(text_of).and_then(|view| views.get(&view));
        let view =
            view.ok_or_else(|| wrong(fault("vid", "a view of the project", value.get("vid"))))?;
        let file = view.get("fid_list").and_then(Value::as_array).and_then(|files| files.first());
        let Some(picture) = file.map(text_of).and_then(|file| pictures.get_mut(file.as_str()))
        else {
            continue;
        };
        let given = value.get("av").and_then(Value::as_object).into_iter().flatten();
        let given = given.filter_map(|(id, value)| {
            let (name, options) = attributes.get(id)?;
            let value = text_of(value);
            Some((name.clone(), options.get(&value).cloned().unwrap_or(value)))
        });
        let given: BTreeMap<String, String> = given.collect();
        let numbers = value.get("xy").and_then(Value::as_array);
        let numbers =
            numbers.and_then(|list| list.iter().map(Value::as_f64).collect::<Option<Vec<_>>>());
        let numbers =
            numbers.ok_or_else(|| wrong(fault("xy", "a list of numbers", value.get("xy"))))?;
        // Without coordinates it is about the whole picture.
        if numbers.is_empty() {
            picture.attributes.extend(given);
            continue;
        }
        let shape = shape_of(&numbers).map_err(|fault| wrong(fault.within("xy")))?;
        picture.regions.push(Region { place, shape, attributes: given });
    }
    project.pictures = pictures.into_values().collect();
    Ok(project)
}

fn attributes(all: &Map<String, Value>) -> BTreeMap<String, Attribute> {
    let attribute = |(id, value): (&String, &Value)| {
        let name = value.get("aname").map_or_else(|| id.clone(), text_of);
        let options = value.get("options").and_then(Value::as_object).into_iter().flatten();
        let options = options.map(|(option, text)| (option.clone(), text_of(text))).collect();
        (id.clone(), (name, options))
    };
    all.iter().map(attribute).collect()
}

/// Reads a shape, whose first number is its kind by `_VIA_RSHAPE`; `None` for points and lines.
fn shape_of(numbers: &[f64]) -> Result<Option<Shape>, Fault> {
    let (kind, rest) = numbers.split_first().unwrap_or((&0.0, &[]));
    let kind = match *kind {
        1.0 | 5.0 | 6.0 => return Ok(None),
        2.0 => Kind::Rectangle,
        3.0 => Kind::Circle,
        4.0 => Kind::Ellipse,
        7.0 => Kind::Polygon,
        8.0 => Kind::ExtremeRectangle,
        9.0 => Kind::ExtremeCircle,
        other => {
            let expected = "the number of a shape, 1 to 9, in front";
            return Err(Fault::new(
                "",
                expected,
                other.to_string(),
                "save the project with VIA again",
            ));
        }
    };
    shape(kind, rest).map(Some)
}
