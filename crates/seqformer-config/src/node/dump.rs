//! Writing a tree as PyYAML's `safe_dump` does: block style, sorted keys.
//!
//! Differs: long lines are not folded, and text that would be read back as a Python literal is
//! written as the literal of that text, so that reading gives the same tree.

use crate::tree::{Entry, Tree};
use crate::value::{float_repr, str_repr};
use crate::{Value, literal, yaml};

/// Writes the whole tree.
pub(super) fn dump(tree: &Tree) -> String {
    let mut out = String::new();
    write_section(&mut out, tree, 0);
    out
}

fn write_section(out: &mut String, section: &Tree, indent: usize) {
    let mut entries: Vec<_> = section.entries.iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, entry) in entries {
        push_indent(out, indent);
        out.push_str(name);
        out.push(':');
        match entry {
            Entry::Section(inner) if inner.entries.is_empty() => out.push_str(" {}\n"),
            Entry::Section(inner) => {
                out.push('\n');
                write_section(out, inner, indent + 2);
            }
            Entry::Leaf(leaf) => match leaf.value.items() {
                Some(items) if !items.is_empty() => {
                    out.push('\n');
                    push_indent(out, indent);
                    write_items(out, items, indent);
                }
                _ => {
                    out.push(' ');
                    out.push_str(&leaf_text(&leaf.value));
                    out.push('\n');
                }
            },
        }
    }
}

/// Writes a list; the indent of its first line is already there.
fn write_items(out: &mut String, items: &[Value], indent: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            push_indent(out, indent);
        }
        out.push_str("- ");
        match item.items() {
            Some(inner) if !inner.is_empty() => write_items(out, inner, indent + 2),
            _ => {
                out.push_str(&scalar_text(item));
                out.push('\n');
            }
        }
    }
}

fn push_indent(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Text directly under a key is decoded when it is read, and so may need a second pair of quotes.
fn leaf_text(value: &Value) -> String {
    match value {
        Value::Str(text) if literal::parse(text).is_some() => yaml_text(&str_repr(text)),
        value => scalar_text(value),
    }
}

fn scalar_text(value: &Value) -> String {
    match value {
        Value::None => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => yaml_float(*float),
        Value::Str(text) => yaml_text(text),
        Value::List(_) | Value::Tuple(_) => "[]".to_owned(),
    }
}

fn yaml_float(float: f64) -> String {
    let repr = float_repr(float);
    match repr.as_str() {
        "inf" => ".inf".to_owned(),
        "-inf" => "-.inf".to_owned(),
        "nan" => ".nan".to_owned(),
        // YAML 1.1 takes 1e-05 for text: it wants a point.
        _ if !repr.contains('.') => repr.replacen('e', ".0e", 1),
        _ => repr,
    }
}

fn yaml_text(text: &str) -> String {
    if !text.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return double_quoted(text);
    }
    if is_plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

fn is_plain(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return false };
    let is_indicator = match first {
        '-' | '?' | ':' => chars.next().is_none_or(|c| c == ' '),
        first => ",[]{}#&*!|>'\"%@`".contains(first),
    };
    let resolves_to_text = matches!(yaml::resolve_scalar(text), Ok(Value::Str(_)));
    !is_indicator
        && !matches!(text, "=" | "<<")
        && resolves_to_text
        && !text.starts_with(' ')
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("---")
        && !text.starts_with("...")
        && !is_date(text)
}

/// PyYAML would read `2024-05-01` as a date.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 8 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            c => {
                let escape = match u32::from(c) {
                    code @ ..0x100 => format!("\\x{code:02X}"),
                    code @ ..0x1_0000 => format!("\\u{code:04X}"),
                    code => format!("\\U{code:08X}"),
                };
                out.push_str(&escape);
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
