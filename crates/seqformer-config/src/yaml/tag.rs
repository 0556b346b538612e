//! Tags: those of YAML itself, and those of PyYAML for values that need no Python.

use saphyr_parser::Tag;

use super::scalar;
use crate::Value;

/// Prefix of the tags that YAML itself defines.
const YAML_TAG: &str = "tag:yaml.org,2002:";
/// Tags of PyYAML, which a dump of a configuration may have, for values that need no Python.
const PLAIN_TYPES: [&str; 10] = [
    "python/tuple",
    "python/list",
    "python/dict",
    "python/str",
    "python/unicode",
    "python/int",
    "python/long",
    "python/float",
    "python/bool",
    "python/none",
];

/// Reads a scalar as what its tag says.
///
/// # Errors
///
/// The message for a text that is no such value, and for any other tag.
pub(super) fn scalar(tag: &Tag, text: &str) -> Result<Value, String> {
    let name = name_of(tag)?;
    let value = match name.as_str() {
        "str" | "python/str" | "python/unicode" | "" => Some(Value::Str(text.to_owned())),
        "null" | "python/none" => Some(Value::None),
        "bool" | "python/bool" => scalar::boolean(&text.to_ascii_lowercase()),
        "int" | "python/int" | "python/long" => {
            scalar::int(text).and_then(Result::ok).map(Value::Int)
        }
        "float" | "python/float" => {
            scalar::float(text).or_else(|| text.parse().ok()).map(Value::Float)
        }
        _ => return Err(format!("the tag !!{name} is not supported")),
    };
    value.ok_or_else(|| format!("{text:?} is not of the type !!{name}"))
}

/// Checks the tag of a list or a section.
///
/// # Errors
///
/// The message for a tag that is not `known`.
pub(super) fn check(tag: Option<&Tag>, known: &[&str]) -> Result<(), String> {
    let Some(tag) = tag else { return Ok(()) };
    let name = name_of(tag)?;
    if known.contains(&name.as_str()) || name.is_empty() {
        return Ok(());
    }
    Err(format!("the tag !!{name} is not supported"))
}

/// Returns the name of a tag without its prefix; empty for the lone `!`.
fn name_of(tag: &Tag) -> Result<String, String> {
    let full = format!("{}{}", tag.handle, tag.suffix);
    if full == "!" {
        return Ok(String::new());
    }
    match full.strip_prefix(YAML_TAG) {
        Some(name) if name.starts_with("python/") && !PLAIN_TYPES.contains(&name) => Err(format!(
            "the tag !!{name} stands for Python code, which is never run; write plain values"
        )),
        Some(name) => Ok(name.to_owned()),
        None => Err(format!("the tag {full} is not supported")),
    }
}
