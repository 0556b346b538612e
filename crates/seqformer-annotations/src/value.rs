//! The meaning of JSON values to Python programs, which write and read them.

use serde_json::Value;

/// Marks strings that stand for Python's non-finite numbers.
///
/// A noncharacter, which no file contains.
const NON_FINITE_MARK: char = '\u{fdd0}';
/// The largest number up to which every integer has an exact double.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads an integer, possibly with a fraction of zero.
pub fn whole_number(value: &Value) -> Option<i64> {
    let exact = |number: f64| {
        (number.trunc() == number && number.abs() < MAX_EXACT).then_some(number as i64)
    };
    value.as_i64().or_else(|| value.as_f64().and_then(exact))
}

/// Whether Python would treat a value as false, which stands for absent.
pub fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Describes a value in a few words.
pub fn describe(value: &Value) -> String {
    const LONGEST: usize = 60;
    if let Some(word) = non_finite(value) {
        return word.to_owned();
    }
    let text = value.to_string().replace(&format!("\"{NON_FINITE_MARK}"), "\"");
    let text = ["NaN", "-Infinity", "Infinity"]
        .into_iter()
        .fold(text, |text, word| text.replace(&format!("\"{word}\""), word));
    if text.chars().count() <= LONGEST {
        return text;
    }
    match value {
        Value::Array(list) => format!("a list of {} entries", list.len()),
        Value::Object(_) => "an object".to_owned(),
        _ => format!("{}…", text.chars().take(LONGEST).collect::<String>()),
    }
}

/// Returns the word for a non-finite number.
pub(crate) fn non_finite(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix(NON_FINITE_MARK)
}

/// Quotes the words for non-finite numbers, with a mark in front.
pub(crate) fn quote_non_finite(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len() + 64);
    let mut rest = text;
    let (mut in_text, mut escaped) = (false, false);
    while let [byte, behind @ ..] = rest {
        let words: [&[u8]; 3] = [b"NaN", b"-Infinity", b"Infinity"];
        if let Some(word) = words.into_iter().find(|word| !in_text && rest.starts_with(word)) {
            quoted.push(b'"');
            quoted.extend_from_slice(NON_FINITE_MARK.encode_utf8(&mut [0; 4]).as_bytes());
            quoted.extend_from_slice(word);
            quoted.push(b'"');
            rest = &rest[word.len()..];
            continue;
        }
        quoted.push(*byte);
        in_text ^= *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        rest = behind;
    }
    quoted
}

/// Replaces all non-finite numbers in a value with null.
pub(crate) fn drop_non_finite(value: &mut Value) {
    if non_finite(value).is_some() {
        *value = Value::Null;
        return;
    }
    match value {
        Value::Array(list) => list.iter_mut().for_each(drop_non_finite),
        Value::Object(fields) => fields.values_mut().for_each(drop_non_finite),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_lists_are_counted_and_whole_numbers_are_exact() {
        assert_eq!(describe(&json!(vec![0; 40])), "a list of 40 entries");
        assert_eq!(whole_number(&json!(9_007_199_254_740_993_i64)), Some(9_007_199_254_740_993));
        assert_eq!(
            [json!(2.0), json!(2.5), json!(true)].map(|v| whole_number(&v)),
            [Some(2), None, None]
        );
    }
}
