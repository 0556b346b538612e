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

/// Reads the names of `num_classes` classes: one per line, or the `categories` of a JSON file.
///
/// # Errors
///
/// A file that cannot be read, or that has another number of classes.
pub fn read(path: &Path, num_classes: usize) -> Result<Vec<Class>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    // Windows writes a byte order mark before the text and a carriage return at the end of each
    // line.
    let text = text.trim_start_matches('\u{feff}');
    let classes = if text.trim_start().starts_with('{') {
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
        (1..).zip(names).map(|(id, name)| Class { id, name: name.to_owned() }).collect::<Vec<_>>()
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
mod tests;
