//! The names of classes: `data.yaml`, or a text file with a name a line.

use std::collections::BTreeMap;
use std::path::Path;

use saphyr_parser::{Event, Parser};
use seqformer_annotations::Fault;

use crate::dataset::Category;
use crate::{ConvertError, pictures, text_file};

/// The file that is written.
pub(super) const NAME: &str = "data.yaml";
/// Text files with names, without their ending.
pub(super) const TEXTS: [&str; 3] = ["classes", "labels", "names"];

/// Reads the names in the first of these places that has some: a YAML file, or a folder with a file of names.
pub(super) fn read(places: &[&Path]) -> Result<BTreeMap<u32, String>, ConvertError> {
    for place in places {
        if place.is_file() {
            if let Some(names) = from_yaml(place)? {
                return Ok(names);
            }
            continue;
        }
        for ending in ["yaml", "yml"] {
            for path in pictures::list_files(place, ending)? {
                if let Some(names) = from_yaml(&path)? {
                    return Ok(names);
                }
            }
        }
        for path in TEXTS.map(|name| place.join(format!("{name}.txt"))) {
            if path.is_file() {
                let text = text_file::read(&path)?;
                return Ok((0..).zip(text.lines().map(str::to_owned)).collect());
            }
        }
    }
    Ok(BTreeMap::new())
}

/// Reads `names` of a YAML file: a list, or numbers with names. `None` if there is no such key.
fn from_yaml(path: &Path) -> Result<Option<BTreeMap<u32, String>>, ConvertError> {
    if !pictures::has_ending(path, "yaml") && !pictures::has_ending(path, "yml") {
        return Ok(None);
    }
    let text = text_file::read(path)?;
    names_of(&text).map_err(|found| {
        let mend = "write it as Ultralytics does: names, with a number and a name a line";
        ConvertError::wrong(
            path,
            "names",
            Fault::new("", "a list of names, or numbers with names", found, mend),
        )
    })
}

fn names_of(text: &str) -> Result<Option<BTreeMap<u32, String>>, String> {
    let mut names = None;
    let mut depth = 0_usize;
    // At the top level keys and values alternate.
    let mut key: Option<String> = None;
    // Within `names`: scalars in order, and whether they are pairs.
    let mut scalars: Vec<String> = Vec::new();
    let mut is_mapping = false;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| error.to_string())?;
        let in_names = key.as_deref() == Some("names");
        match event {
            Event::MappingStart(..) | Event::SequenceStart(..) => {
                if depth == 1 && in_names {
                    is_mapping = matches!(event, Event::MappingStart(..));
                } else if depth > 1 && in_names {
                    return Err("a list within the list".to_owned());
                }
                depth += 1;
            }
            Event::MappingEnd | Event::SequenceEnd => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    if in_names {
                        names = Some(pairs(std::mem::take(&mut scalars), is_mapping)?);
                    }
                    key = None;
                }
            }
            Event::Scalar(value, ..) if depth == 1 => {
                key = match key {
                    None => Some(value.into_owned()),
                    Some(key) if key == "names" => return Err(format!("{value:?}")),
                    Some(_) => None,
                };
            }
            Event::Scalar(value, ..) if in_names => scalars.push(value.into_owned()),
            _ => {}
        }
    }
    Ok(names)
}

fn pairs(scalars: Vec<String>, is_mapping: bool) -> Result<BTreeMap<u32, String>, String> {
    if !is_mapping {
        return Ok((0..).zip(scalars).collect());
    }
    let (pairs, _none_left) = scalars.as_chunks::<2>();
    let pair = |[number, name]: &[String; 2]| {
        let number = number.parse().map_err(|_error| format!("the number {number:?}"))?;
        Ok((number, name.clone()))
    };
    pairs.iter().map(pair).collect()
}

/// The text of `data.yaml` for classes, numbered from 0 in their order.
pub(super) fn text(categories: &[Category]) -> String {
    let line = |(number, category): (usize, &Category)| {
        // A JSON string is a YAML string, too.
        format!("  {number}: {}\n", serde_json::Value::from(category.name.as_str()))
    };
    let names: String = categories.iter().enumerate().map(line).collect();
    format!("path: .\ntrain: images\nval: images\nnames:\n{names}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_numbers_with_names_are_read() {
        let check = |text: &str, expected: &[(u32, &str)]| {
            let expected = expected.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
            assert_eq!(names_of(text).unwrap(), Some(expected), "{text}");
        };
        check("path: x\nnames: [cat, 'a: b']\nnc: 2\n", &[(0, "cat"), (1, "a: b")]);
        check(
            "train:\n  - a\n  - b\nnames:\n  0: cat\n  3: dog # comment\n",
            &[(0, "cat"), (3, "dog")],
        );
        check("names:\n- cat\n- dog\n", &[(0, "cat"), (1, "dog")]);
        assert_eq!(names_of("path: x\n").unwrap(), None);
        for wrong in ["names: cat", "names: {a: cat}", "names: [[a]]", "names: [a"] {
            assert!(names_of(wrong).is_err(), "{wrong}");
        }
        let category = |id, name: &str| Category { id, name: name.to_owned() };
        let written = text(&[category(4, "a: \"b\""), category(7, "猫")]);
        check(&written, &[(0, "a: \"b\""), (1, "猫")]);
    }
}
