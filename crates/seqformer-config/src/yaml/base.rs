//! `_BASE_`: files that a file builds on.
//!
//! Source: fvcore `common/config.py`, `CfgNode.load_yaml_with_base`.

use std::path::{Path, PathBuf};

use super::load::load;
use super::node::{Content, Field, Node};
use crate::key::join;
use crate::{ConfigError, Value, ValueError, expand_path};

const BASE_KEY: &str = "_BASE_";
/// Longest chain of bases.
const MAX_DEPTH: usize = 16;
/// Most files that one configuration is read from.
const MAX_FILES: usize = 32;

/// Reads `path` and its bases, and merges them into one section.
pub(crate) fn load_with_base(path: &Path) -> Result<Vec<Field>, ConfigError> {
    Bases { open: Vec::new(), num_files: 0 }.load(path)
}

struct Bases {
    /// The files between the first one and the present one, in full.
    open: Vec<PathBuf>,
    num_files: usize,
}

impl Bases {
    fn load(&mut self, path: &Path) -> Result<Vec<Field>, ConfigError> {
        let error = |message: String| ConfigError::File { path: path.to_owned(), message };
        let full_path = path
            .canonicalize()
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        if self.open.contains(&full_path) {
            return Err(error(format!("this file is its own {BASE_KEY}")));
        }
        self.num_files += 1;
        if self.open.len() >= MAX_DEPTH || self.num_files > MAX_FILES {
            return Err(error(format!("too many {BASE_KEY} files")));
        }
        let mut fields = load(path)?;
        let Some(index) = fields.iter().position(|field| field.name == BASE_KEY) else {
            return Ok(fields);
        };
        let base_field = fields.remove(index);
        self.open.push(full_path);
        let mut merged = Vec::new();
        for name in base_names(&base_field)? {
            let base = self.load(&resolve(&name, path, &base_field)?)?;
            merge(&mut merged, base, "")?;
        }
        self.open.pop();
        merge(&mut merged, fields, "")?;
        Ok(merged)
    }
}

fn base_error(field: &Field, expected: &str, found: String) -> ConfigError {
    ConfigError::Value(Box::new(ValueError {
        origin: field.origin.clone(),
        key: field.name.clone(),
        expected: expected.to_owned(),
        found,
        hint: None,
    }))
}

fn base_names(field: &Field) -> Result<Vec<String>, ConfigError> {
    let value = field.node.to_value();
    let items = match &value {
        Some(Value::List(items)) => items.clone(),
        Some(value) => vec![value.clone()],
        None => vec![],
    };
    let names: Option<Vec<String>> = items
        .into_iter()
        .map(|item| match item {
            Value::Str(name) if !name.is_empty() => Some(name),
            _ => None,
        })
        .collect();
    match names {
        Some(names) if !names.is_empty() || value.is_some() => Ok(names),
        _ => {
            let found = value.map_or_else(|| "a section".to_owned(), |value| value.to_string());
            Err(base_error(field, "a file name or a list of file names", found))
        }
    }
}

/// The path that `_BASE_: name` in the file `path` means.
fn resolve(name: &str, path: &Path, field: &Field) -> Result<PathBuf, ConfigError> {
    if name.contains("://") {
        let expected = "a file on this machine (download it first)";
        return Err(base_error(field, expected, format!("{name:?}")));
    }
    let name = expand_path(name).map_err(|source| ConfigError::Path {
        origin: field.origin.clone(),
        key: field.name.clone(),
        path: name.to_owned(),
        source,
    })?;
    Ok(path.parent().unwrap_or(Path::new("")).join(name))
}

/// Overrides `base` with the keys of `fields`, section by section.
fn merge(base: &mut Vec<Field>, fields: Vec<Field>, prefix: &str) -> Result<(), ConfigError> {
    for field in fields {
        let Some(known) = base.iter_mut().find(|known| known.name == field.name) else {
            base.push(field);
            continue;
        };
        let key = join(prefix, &field.name);
        match (&mut known.node.content, &field.node.content) {
            (Content::Mapping(inherited), Content::Mapping(_)) => {
                let Content::Mapping(own) = field.node.content else { continue };
                merge(inherited, own, &key)?;
            }
            (Content::Mapping(_), _) | (_, Content::Mapping(_)) => {
                return Err(kind_error(&field, key));
            }
            _ => *known = field,
        }
    }
    Ok(())
}

fn kind_error(field: &Field, key: String) -> ConfigError {
    let is_section = matches!(field.node, Node { content: Content::Mapping(_), .. });
    let (expected, found) =
        if is_section { ("a value", "a section") } else { ("a section", "a value") };
    ConfigError::Value(Box::new(ValueError {
        origin: field.origin.clone(),
        key,
        expected: format!("{expected}, as in its {BASE_KEY}"),
        found: found.to_owned(),
        hint: None,
    }))
}

#[cfg(test)]
mod tests;
