//! Class names, and their ids in results files.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use seqformer_data::Catalog;
use serde::Deserialize;

/// One class of the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Id in results files.
    pub id: u64,
    /// Name of the class.
    pub name: String,
}

/// The categories of a JSON file with annotations.
#[derive(Debug, Deserialize)]
struct Categories {
    categories: Vec<Category>,
}

#[derive(Debug, Deserialize)]
struct Category {
    id: u64,
    name: String,
}

/// Names of classes that need no file, each with one of its datasets.
const TABLES: [(&str, &str); 4] = [
    ("ytvis_2019", "ytvis_2019_val"),
    ("ytvis_2021", "ytvis_2021_val"),
    ("ovis", "ytvis_ovis_val"),
    ("coco", "coco_2017_val"),
];

/// Reads the names of `num_classes` classes: one per line, the `categories` of a JSON file, or those of a dataset such as
/// `ytvis_2021`, if there is no such file.
///
/// # Errors
///
/// A file that cannot be read, or that has another number of classes.
pub fn read(path: &Path, num_classes: usize) -> Result<Vec<Class>> {
    let classes = match TABLES.iter().find(|(name, _)| path == Path::new(name)) {
        Some((_, dataset)) if !path.exists() => Catalog::class_table(dataset)
            .map(|table| of_categories(&table.categories()))
            .unwrap_or_default(),
        _ => read_file(path)?,
    };
    ensure!(
        classes.len() == num_classes,
        "{}: expected {num_classes} classes (MODEL.SeqFormer.NUM_CLASSES), found {}",
        path.display(),
        classes.len()
    );
    let mut ids: Vec<u64> = classes.iter().map(|class| class.id).collect();
    ids.dedup();
    if ids.len() != classes.len() {
        bail!("{}: two categories have the same id", path.display());
    }
    Ok(classes)
}

fn read_file(path: &Path) -> Result<Vec<Class>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    // Windows writes a byte order mark before the text and a carriage return at the end of each
    // line.
    let text = text.trim_start_matches('\u{feff}');
    Ok(if text.trim_start().starts_with('{') {
        let parsed: Categories = serde_json::from_str(text).with_context(|| {
            format!("{}: expected a JSON object with `categories`", path.display())
        })?;
        let mut categories = parsed.categories;
        categories.sort_by_key(|category| category.id);
        categories
            .into_iter()
            .map(|category| Class { id: category.id, name: category.name.trim().to_owned() })
            .collect()
    } else {
        let names = text.lines().map(str::trim).filter(|line| !line.is_empty());
        (1..).zip(names).map(|(id, name)| Class { id, name: name.to_owned() }).collect()
    })
}

/// The official classes of the first built-in dataset in `names` that has as many classes as the
/// network.
pub fn of_datasets<'a>(
    names: impl Iterator<Item = &'a String>,
    num_classes: usize,
) -> Option<Vec<Class>> {
    let tables = names.filter_map(|name| Catalog::class_table(name));
    let mut categories = tables.map(seqformer_data::ClassTable::categories);
    categories.find(|categories| categories.len() == num_classes).map(|found| of_categories(&found))
}

/// The classes of an annotation file.
pub fn of_categories(categories: &seqformer_data::Categories) -> Vec<Class> {
    let pairs = categories.ids().iter().zip(categories.names());
    pairs.map(|(&id, name)| Class { id, name: name.clone() }).collect()
}

/// The names stored in the weights, or numbers if there are none.
pub fn of_weights(names: &[String], num_classes: usize) -> Vec<Class> {
    let name = |id: u64| match names.get(id as usize - 1) {
        Some(name) if names.len() == num_classes => name.clone(),
        _ => format!("class {id}"),
    };
    (1..=num_classes as u64).map(|id| Class { id, name: name(id) }).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read_text(text: &str, num_classes: usize) -> Result<Vec<Class>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("classes");
        std::fs::write(&path, text).unwrap();
        read(&path, num_classes).map_err(|error| format!("{error:#}"))
    }

    fn class(id: u64, name: &str) -> Class {
        Class { id, name: name.to_owned() }
    }

    #[test]
    fn lines_are_numbered_from_one() {
        assert_eq!(
            read_text("person\n giant panda \n\n", 2),
            Ok(vec![class(1, "person"), class(2, "giant panda")])
        );
    }

    #[test]
    fn marks_of_windows_are_no_part_of_a_name() {
        let expected = Ok(vec![class(1, "person"), class(2, "giant panda")]);
        assert_eq!(read_text("\u{feff}person\r\ngiant panda\r\n\r\n", 2), expected);
        let json = "\u{feff}{\"categories\": [{\"id\": 1, \"name\": \"person\\r\"}, \r\n{\"id\": 2, \"name\": \"giant panda\"}]}";
        assert_eq!(read_text(json, 2), expected);
    }

    #[test]
    fn categories_are_sorted_by_id() {
        let json =
            r#"{"videos": [], "categories": [{"id": 7, "name": "b"}, {"id": 2, "name": "a"}]}"#;
        assert_eq!(read_text(json, 2), Ok(vec![class(2, "a"), class(7, "b")]));
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        let twice = r#"{"categories": [{"id": 2, "name": "b"}, {"id": 2, "name": "a"}]}"#;
        let cases =
            [("a\nb\n", 3, "expected 3 classes"), ("{}", 1, "categories"), (twice, 2, "same id")];
        for (text, count, expected) in cases {
            let message = read_text(text, count).unwrap_err();
            assert!(message.contains(expected) && message.contains("classes"), "{message}");
        }
    }

    #[test]
    fn official_classes_need_no_file() {
        let first = |name: &str, count| read(Path::new(name), count).unwrap()[0].name.clone();
        assert_eq!(first("ytvis_2019", 40), "person");
        assert_eq!(first("ytvis_2021", 40), "airplane");
        assert_eq!(first("ovis", 25), "Person");
        assert_eq!(read(Path::new("coco"), 80).unwrap()[79].id, 90);
        let message = read(Path::new("coco"), 40).unwrap_err().to_string();
        assert!(message.contains("expected 40 classes"), "{message}");
    }

    #[test]
    fn built_in_datasets_bring_their_classes() {
        let names =
            ["nowhere".to_owned(), "ytvis_ovis_val".to_owned(), "ytvis_2019_val".to_owned()];
        let found = of_datasets(names.iter(), 40).unwrap();
        assert_eq!((found.len(), found[0].clone()), (40, class(1, "person")));
        assert_eq!(of_datasets(names.iter(), 25).unwrap()[24].id, 25);
        assert_eq!(of_datasets(names.iter(), 7), None);
    }
}
