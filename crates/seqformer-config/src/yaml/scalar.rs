//! Types of plain scalars in YAML 1.1, as PyYAML resolves them.
//!
//! Source: PyYAML 6.0 `resolver.py` and `constructor.py`.
//! Differs: dates stay text, as there is no setting that takes a date.

use crate::Value;

/// The value of an unquoted scalar; an error message if it is a number that does not fit.
pub(crate) fn resolve(text: &str) -> Result<Value, String> {
    if let Some(value) = null(text).or_else(|| boolean(text)) {
        return Ok(value);
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Ok(Value::Str(text.to_owned()));
    }
    if let Some(value) = float(text) {
        return Ok(Value::Float(value));
    }
    match int(text) {
        Some(Ok(value)) => Ok(Value::Int(value)),
        Some(Err(())) => Err(format!("{text} is not an integer of 64 bits")),
        None => Ok(Value::Str(text.to_owned())),
    }
}

/// `None`, however YAML 1.1 spells it.
pub(super) fn null(text: &str) -> Option<Value> {
    matches!(text, "" | "~" | "null" | "Null" | "NULL").then_some(Value::None)
}

/// A boolean, however YAML 1.1 spells it.
pub(super) fn boolean(text: &str) -> Option<Value> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Value::Bool(true))
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Value::Bool(false))
        }
        _ => None,
    }
}

/// A number with a point, `.inf`, `.nan`, or base 60 with a point; `1e-4` is text.
pub(super) fn float(text: &str) -> Option<f64> {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    let (unsigned, sign) = split_sign(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Some(sign * f64::INFINITY);
    }
    let (whole, fraction) = unsigned.split_once('.')?;
    if whole.contains(':') {
        return base60_float(whole, fraction).map(|value| sign * value);
    }
    // Without digits before the point there is no sign, and the first place is a digit.
    if whole.is_empty() {
        let is_signed = unsigned.len() != text.len();
        if is_signed || !fraction.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
    } else if !is_digits(whole) {
        return None;
    }
    let (digits, exponent) = match fraction.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (fraction, None),
    };
    let is_exponent = |exponent: &str| {
        exponent.strip_prefix(['+', '-']).is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
        })
    };
    if !only(digits, |c| c.is_ascii_digit()) || !exponent.is_none_or(is_exponent) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

fn base60_float(whole: &str, fraction: &str) -> Option<f64> {
    if !is_base60(whole, |c| c.is_ascii_digit()) || !only(fraction, |c| c.is_ascii_digit()) {
        return None;
    }
    let (head, last) = whole.rsplit_once(':')?;
    let mut value = 0.0;
    for place in head.split(':') {
        value = value * 60.0 + place.replace('_', "").parse::<f64>().ok()?;
    }
    let last: f64 = format!("{last}.{}", fraction.replace('_', "")).parse().ok()?;
    Some(value * 60.0 + last)
}

/// A whole number: decimal, `0x`, `0b`, octal with a leading zero, or base 60.
///
/// `Some(Err(()))` if it looks like one but has no 64-bit value.
pub(super) fn int(text: &str) -> Option<Result<i64, ()>> {
    let (unsigned, _) = split_sign(text);
    let negative = text.starts_with('-');
    let (digits, radix) = if let Some(digits) = unsigned.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = unsigned.strip_prefix("0x") {
        (digits, 16)
    } else if unsigned == "0" {
        ("0", 10)
    } else if let Some(digits) = unsigned.strip_prefix('0') {
        (digits, 8)
    } else if unsigned.contains(':') {
        return base60_int(unsigned).map(|value| value.and_then(|value| signed(value, negative)));
    } else {
        (unsigned, 10)
    };
    if digits.is_empty() || !only(digits, |c| c.is_digit(radix)) {
        return None;
    }
    if radix == 10 && !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // PyYAML reads `0_` as the octal number of no digits after its zero.
    let mut digits = digits.replace('_', "");
    if radix == 8 {
        digits.insert(0, '0');
    }
    Some(u64::from_str_radix(&digits, radix).map_err(drop).and_then(|v| signed(v, negative)))
}

fn base60_int(text: &str) -> Option<Result<u64, ()>> {
    if !is_base60(text, |c| c.is_ascii_digit()) || text.starts_with('0') {
        return None;
    }
    let places = text.split(':').map(|place| place.replace('_', "").parse::<u64>());
    let value = places
        .into_iter()
        .try_fold(0_u64, |value, place| value.checked_mul(60)?.checked_add(place.ok()?));
    Some(value.ok_or(()))
}

fn signed(value: u64, negative: bool) -> Result<i64, ()> {
    let value = i128::from(value);
    i64::try_from(if negative { -value } else { value }).map_err(drop)
}

fn split_sign(text: &str) -> (&str, f64) {
    match text.as_bytes().first() {
        Some(b'-') => (&text[1..], -1.0),
        Some(b'+') => (&text[1..], 1.0),
        _ => (text, 1.0),
    }
}

/// Digits and underscores, a digit first.
fn is_digits(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && only(text, |c| c.is_ascii_digit())
}

fn only(text: &str, is_digit: impl Fn(char) -> bool) -> bool {
    text.chars().all(|c| c == '_' || is_digit(c))
}

/// `a:b` and so on, with places after the first of one or two digits below 60.
fn is_base60(text: &str, is_digit: impl Fn(char) -> bool + Copy) -> bool {
    let mut places = text.split(':');
    let first = places.next().unwrap_or_default();
    let is_place = |place: &str| match place.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    is_digits(first) && only(first, is_digit) && text.contains(':') && places.all(is_place)
}

#[cfg(test)]
mod tests;
