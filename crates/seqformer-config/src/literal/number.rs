//! Python's numeric literals.

use crate::Value;

/// Reads an unsigned number as Python's tokenizer does.
pub(super) fn parse(text: &str) -> Option<Value> {
    let lower = text.to_ascii_lowercase();
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?, radix)));
    if let Some((digits, radix)) = prefixed {
        // An underscore may follow the prefix.
        let digits = digits.strip_prefix('_').unwrap_or(digits);
        return i64::from_str_radix(&without_underscores(digits, radix)?, radix)
            .ok()
            .map(Value::Int);
    }
    if lower.contains(['.', 'e']) { float(&lower) } else { decimal(&lower) }
}

fn decimal(text: &str) -> Option<Value> {
    let digits = without_underscores(text, 10)?;
    let has_leading_zero = digits.starts_with('0') && digits.bytes().any(|digit| digit != b'0');
    if has_leading_zero { None } else { digits.parse().ok().map(Value::Int) }
}

fn float(text: &str) -> Option<Value> {
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |part: &str| {
        if part.is_empty() { Some(String::new()) } else { without_underscores(part, 10) }
    };
    let mut number = format!("{}.{}", digits(whole)?, digits(fraction)?);
    if let Some(exponent) = exponent {
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        let sign = if exponent.starts_with('-') { "-" } else { "" };
        number.push('e');
        number.push_str(sign);
        number.push_str(&without_underscores(unsigned, 10)?);
    }
    number.parse().ok().map(Value::Float)
}

/// The digits of `text`, in which single underscores may stand between two digits.
fn without_underscores(text: &str, radix: u32) -> Option<String> {
    let groups: Vec<&str> = text.split('_').collect();
    let is_digits = |group: &&str| !group.is_empty() && group.chars().all(|c| c.is_digit(radix));
    groups.iter().all(is_digits).then(|| groups.concat())
}
