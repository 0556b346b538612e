//! Setting values under the type rules of yacs.
//!
//! Differs: a whole number is accepted where the default is a floating-point number.

use super::CfgNode;
use crate::config::{CUSTOM_DATASET_FIELDS, CUSTOM_DATASETS};
use crate::error::{ConfigError, Origin, ValueError};
use crate::key::join;
use crate::tree::{Entry, Leaf, Tree};
use crate::value::Value;
use crate::yaml::{Content, Field};
use crate::{literal, suggest, version};

/// A value to set, with what is needed to report it.
struct Assignment<'a> {
    key: &'a str,
    value: Value,
    /// The value as it was written.
    found: String,
    origin: Origin,
}

impl CfgNode {
    /// Sets all keys of a file.
    pub(super) fn merge_document(&mut self, fields: Vec<Field>) -> Result<(), ConfigError> {
        let fields = version::upgrade(fields)?;
        let mut types = Self::defaults();
        for name in declared(&fields) {
            self.declare_dataset(name);
            types.declare_dataset(name);
        }
        merge_fields(&mut self.tree, &fields, "", &types.tree)
    }

    /// Sets the leaf `key` to what `text` of the command line means.
    pub(super) fn set_text(&mut self, key: &str, text: &str) -> Result<(), ConfigError> {
        let mut defaults = Self::defaults();
        let custom = key.strip_prefix(CUSTOM_DATASETS).and_then(|rest| rest.strip_prefix('.'));
        if let Some((name, field)) = custom.and_then(|rest| rest.rsplit_once('.'))
            && CUSTOM_DATASET_FIELDS.iter().any(|known| known.name == field)
            && !name.contains('.')
        {
            self.declare_dataset(name);
            defaults.declare_dataset(name);
        }
        let default = defaults.get(key).unwrap_or(&Value::None);
        let assignment = Assignment {
            key,
            value: literal::decode(text),
            found: format!("{text:?}"),
            origin: Origin::CommandLine,
        };
        if self.is_section(key) {
            let expected = format!("a key of this section, such as {}", self.first_key(key));
            let found = "the section".to_owned();
            return Err(value_error(key, &Origin::CommandLine, &expected, found));
        }
        match self.tree.leaf_mut(key) {
            Some(leaf) => assign(leaf, default, assignment),
            None => Err(unknown(key, &Origin::CommandLine)),
        }
    }

    fn is_section(&self, key: &str) -> bool {
        if key == CUSTOM_DATASETS {
            return true;
        }
        let prefix = format!("{key}.");
        self.keys().iter().any(|known| known.starts_with(&prefix))
    }

    fn first_key(&self, section: &str) -> String {
        if section == CUSTOM_DATASETS {
            return format!("{CUSTOM_DATASETS}.NAME.{}", CUSTOM_DATASET_FIELDS[0].name);
        }
        let prefix = format!("{section}.");
        self.keys().into_iter().find(|key| key.starts_with(&prefix)).unwrap_or_default()
    }
}

fn merge_fields(
    section: &mut Tree,
    fields: &[Field],
    prefix: &str,
    types: &Tree,
) -> Result<(), ConfigError> {
    for field in fields {
        let key = join(prefix, &field.name);
        match (section.entry_mut(&field.name), &field.node.content) {
            (None, _) if field.name.contains('.') => return Err(dotted(&key, field)),
            (None, _) => return Err(unknown(&key, &field.origin)),
            (Some(Entry::Section(section)), Content::Mapping(inner)) => {
                merge_fields(section, inner, &key, types)?;
            }
            (Some(Entry::Section(_)), _) => {
                return Err(value_error(&key, &field.origin, "a section", found(field)));
            }
            (Some(Entry::Leaf(leaf)), _) => {
                let default = types.get(&key).unwrap_or(&Value::None);
                assign(leaf, default, assignment(&key, field, default)?)?;
            }
        }
    }
    Ok(())
}

/// The names under [`CUSTOM_DATASETS`] in a file.
fn declared(fields: &[Field]) -> impl Iterator<Item = &str> {
    let mut section = fields;
    for name in CUSTOM_DATASETS.split('.') {
        let inner = section.iter().find(|field| field.name == name);
        section = match inner.map(|field| &field.node.content) {
            Some(Content::Mapping(inner)) => inner,
            _ => &[],
        };
    }
    section.iter().map(|field| field.name.as_str())
}

fn assign(leaf: &mut Leaf, default: &Value, new: Assignment<'_>) -> Result<(), ConfigError> {
    let value = coerce(default, new.value.clone());
    leaf.value = value.ok_or_else(|| mismatch(default, &new))?;
    leaf.origin = new.origin;
    Ok(())
}

fn assignment<'a>(
    key: &'a str,
    field: &Field,
    default: &Value,
) -> Result<Assignment<'a>, ConfigError> {
    let origin = field.origin.clone();
    let value = match field.node.to_value() {
        Some(Value::Str(text)) => literal::decode(&text),
        Some(value) => value,
        None => return Err(value_error(key, &origin, &default.type_name(), found(field))),
    };
    Ok(Assignment { key, value, found: found(field), origin })
}

/// The value of a field as a message shows it.
fn found(field: &Field) -> String {
    match &field.node.content {
        Content::Scalar(_, text) => format!("{text:?}"),
        Content::Mapping(_) => "a section".to_owned(),
        Content::Sequence(_) => {
            field.node.to_value().map_or("a list with sections".to_owned(), |v| v.to_string())
        }
    }
}

/// `value` as a value of the type of `default`; `None` if the types do not fit.
///
/// Lists become tuples and tuples lists, also those inside, so that writing a tree and reading it
/// again gives the same tree.
fn coerce(default: &Value, value: Value) -> Option<Value> {
    match (default, value) {
        (_, Value::None) => Some(Value::None),
        (Value::Tuple(kinds), Value::List(items) | Value::Tuple(items)) => {
            Some(Value::Tuple(coerce_items(kinds, items)))
        }
        (Value::List(kinds), Value::List(items) | Value::Tuple(items)) => {
            Some(Value::List(coerce_items(kinds, items)))
        }
        (Value::None, Value::Tuple(items) | Value::List(items)) => {
            Some(Value::List(coerce_items(&[], items)))
        }
        (Value::Float(_), Value::Int(int)) => Some(Value::Float(int as f64)),
        (Value::None, value)
        | (Value::Bool(_), value @ Value::Bool(_))
        | (Value::Int(_), value @ Value::Int(_))
        | (Value::Float(_), value @ Value::Float(_))
        | (Value::Str(_), value @ Value::Str(_)) => Some(value),
        _ => None,
    }
}

/// Elements keep their types; those that are lists take the kind of the default's first element.
fn coerce_items(kinds: &[Value], items: Vec<Value>) -> Vec<Value> {
    let inner_kind = match kinds.first() {
        Some(kind @ (Value::List(_) | Value::Tuple(_))) => kind.clone(),
        _ => Value::List(vec![]),
    };
    let convert = |item: Value| match item {
        list @ (Value::List(_) | Value::Tuple(_)) => {
            coerce(&inner_kind, list).unwrap_or(Value::None)
        }
        item => item,
    };
    items.into_iter().map(convert).collect()
}

fn mismatch(default: &Value, new: &Assignment<'_>) -> ConfigError {
    let hint = match (default, &new.value) {
        (Value::Tuple(_) | Value::List(_), Value::Str(text)) => {
            Some(format!("write {}", Value::Tuple(named_in(text))))
        }
        (Value::Tuple(_) | Value::List(_), value) => {
            Some(format!("write {}", Value::Tuple(vec![value.clone()])))
        }
        (Value::Str(_), value) => Some(format!("write \"'{value}'\"")),
        _ => None,
    };
    ConfigError::Value(Box::new(ValueError {
        origin: new.origin.clone(),
        key: new.key.to_owned(),
        expected: default.type_name(),
        found: new.found.clone(),
        hint,
    }))
}

/// The elements of a list that was written without its brackets or quotes, such as `[a, b]`.
fn named_in(text: &str) -> Vec<Value> {
    let is_around = |c: char| matches!(c, '[' | ']' | '(' | ')' | '\'' | '"') || c.is_whitespace();
    let names = text.split(',').map(|name| name.trim_matches(is_around));
    names.filter(|name| !name.is_empty()).map(literal::decode).collect()
}

/// The error of `SOLVER.BASE_LR: 1` in a file.
fn dotted(key: &str, field: &Field) -> ConfigError {
    let (sections, last) = field.name.rsplit_once('.').unwrap_or(("", &field.name));
    let sections: Vec<String> = sections.split('.').map(|name| format!("{name}:")).collect();
    ConfigError::Value(Box::new(ValueError {
        origin: field.origin.clone(),
        key: key.to_owned(),
        expected: "sections one inside the other, as dotted names are for the command line"
            .to_owned(),
        found: "a dotted name".to_owned(),
        hint: Some(format!(
            "write {} and {last}, each indented on a line of its own",
            sections.join(", ")
        )),
    }))
}

fn value_error(key: &str, origin: &Origin, expected: &str, found: String) -> ConfigError {
    ConfigError::Value(Box::new(ValueError {
        origin: origin.clone(),
        key: key.to_owned(),
        expected: expected.to_owned(),
        found,
        hint: None,
    }))
}

fn unknown(key: &str, origin: &Origin) -> ConfigError {
    ConfigError::UnknownKey {
        origin: origin.clone(),
        key: key.to_owned(),
        hint: suggest::hint(key),
    }
}
