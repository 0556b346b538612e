//! The leaves of a configuration: Python's plain values.

use std::fmt;

/// A configuration value.
///
/// The written form ([`fmt::Display`]) is that of Python's `repr`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Str(String),
    /// `[…]`.
    List(Vec<Value>),
    /// `(…)`.
    Tuple(Vec<Value>),
}

impl Value {
    /// The elements of a list or tuple.
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// Names the type for a message: `an integer`, `a list of numbers`.
    pub(crate) fn type_name(&self) -> String {
        match self {
            Self::None => "nothing (None)".to_owned(),
            Self::Bool(_) => "True or False".to_owned(),
            Self::Int(_) => "an integer".to_owned(),
            Self::Float(_) => "a number".to_owned(),
            Self::Str(_) => "text".to_owned(),
            Self::List(items) | Self::Tuple(items) => match items.first() {
                Some(Self::Int(_)) => "a list of integers".to_owned(),
                Some(Self::Float(_)) => "a list of numbers".to_owned(),
                Some(Self::Bool(_)) => "a list of True or False".to_owned(),
                Some(Self::Str(_)) => "a list of texts".to_owned(),
                Some(Self::List(_) | Self::Tuple(_)) => "a list of lists".to_owned(),
                Some(Self::None) | None => "a list".to_owned(),
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "None"),
            Self::Bool(true) => write!(f, "True"),
            Self::Bool(false) => write!(f, "False"),
            Self::Int(int) => write!(f, "{int}"),
            Self::Float(float) => write!(f, "{}", float_repr(*float)),
            Self::Str(text) => write!(f, "{}", str_repr(text)),
            Self::List(items) => {
                write!(f, "[")?;
                write_items(f, items)?;
                write!(f, "]")
            }
            Self::Tuple(items) => {
                write!(f, "(")?;
                write_items(f, items)?;
                write!(f, "{}", if items.len() == 1 { ",)" } else { ")" })
            }
        }
    }
}

fn write_items(f: &mut fmt::Formatter<'_>, items: &[Value]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            write!(f, ", ")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// Writes a float as Python's `repr` does: shortest digits, an exponent below 1e-4 and from 1e16.
pub(crate) fn float_repr(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if float == 0.0 || (-4..16).contains(&exponent) {
        let plain = format!("{float}");
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Writes text as a Python string literal.
pub(crate) fn str_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() && u32::from(c) < 0x100 => {
                let escape = format!("\\x{:02x}", u32::from(c));
                out.push_str(&escape);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::Value;

    /// Floats, and Python's `repr` of them.
    const FLOATS: &[(f64, &str)] = &[
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (0.0001, "0.0001"),
        (0.0002, "0.0002"),
        (1e-05, "1e-05"),
        (1.5e-05, "1.5e-05"),
        (123_456_789.0, "123456789.0"),
        (1e15, "1000000000000000.0"),
        (1e+16, "1e+16"),
        (1.5e+16, "1.5e+16"),
        (1e+22, "1e+22"),
        (1e+300, "1e+300"),
        (5e-324, "5e-324"),
        (0.05, "0.05"),
        (58.395, "58.395"),
    ];

    #[test]
    fn floats_are_written_as_in_python() {
        for (float, expected) in FLOATS {
            assert_eq!(Value::Float(*float).to_string(), *expected);
        }
    }

    #[test]
    fn values_are_written_as_in_python() {
        let text = Value::Str("it's".to_owned());
        let values = [
            (Value::Tuple(vec![Value::Int(8000)]), "(8000,)"),
            (Value::Tuple(vec![]), "()"),
            (Value::List(vec![Value::None, Value::Bool(true)]), "[None, True]"),
            (text, "\"it's\""),
        ];
        for (value, expected) in values {
            assert_eq!(value.to_string(), expected);
        }
    }
}
