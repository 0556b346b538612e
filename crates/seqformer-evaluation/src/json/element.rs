//! One element of a list: its parsed form, or a message that names the field.

use serde::Deserialize;

/// Parses one element; the error names the field, and NaN by its name.
pub(crate) fn parse_element<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, String> {
    // The second, slower walk happens only to find out which field is wrong.
    serde_json::from_slice(text).or_else(|_error| {
        let mut parser = serde_json::Deserializer::from_slice(text);
        let parsed = serde_path_to_error::deserialize(&mut parser);
        let error = match parsed {
            Ok(value) => return parser.end().map(|()| value).map_err(|error| error.to_string()),
            Err(error) => error,
        };
        let field = match error.path().to_string() {
            path if path == "." => String::new(),
            path => format!("{path}: "),
        };
        let inner = error.into_inner();
        let what = not_a_number(text, &inner).unwrap_or_else(|| without_position(&inner));
        Err(format!("{field}{what}"))
    })
}

/// Reads the integer under `key` of an element that may be faulty, to name the element by it.
pub(crate) fn find_id(text: &[u8], key: &str) -> Option<i64> {
    let mut text = String::from_utf8_lossy(text).into_owned();
    for name in ["-Infinity", "Infinity", "NaN"] {
        text = text.replace(name, "null");
    }
    let element: serde_json::Value = serde_json::from_str(&text).ok()?;
    element.get(key)?.as_i64()
}

/// Explains the numbers that Python writes and JSON does not have.
fn not_a_number(text: &[u8], error: &serde_json::Error) -> Option<String> {
    let line = text.split(|&byte| byte == b'\n').nth(error.line().checked_sub(1)?)?;
    let near = line.get(error.column().saturating_sub(2)..)?;
    let found = ["NaN", "-Infinity", "Infinity"].into_iter().find(|name| {
        (0..3).any(|skip| near.get(skip..).is_some_and(|near| near.starts_with(name.as_bytes())))
    })?;
    Some(format!("expected a finite number, found {found}"))
}

/// Drops the line and column, which count from the start of the element.
fn without_position(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&position).unwrap_or(&message).to_owned()
}
