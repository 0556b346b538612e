//! Python literals in text, as `ast.literal_eval` reads them.
//!
//! yacs decodes every text with it: `2e-4` is a number, `("ytvis_2019_train",)` a tuple, and what
//! is no literal stays text. Dictionaries, sets, bytes and complex numbers have no [`Value`]; such
//! text stays text too, as do a number that does not fit and a character by name (`\N{…}`).

mod number;

use crate::Value;

/// Brackets that may be nested; far more than any setting needs.
const MAX_DEPTH: usize = 32;

/// Reads `text` as a Python literal; `None` if it is not one.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let text = text.trim_start_matches([' ', '\t']);
    let mut parser = Parser { rest: text, depth: 0 };
    let value = parser.tuple_or_value()?;
    parser.skip_end();
    parser.rest.is_empty().then_some(value)
}

/// What yacs makes of a text: the literal that it holds, or the text itself.
pub(crate) fn decode(text: &str) -> Value {
    parse(text).unwrap_or_else(|| Value::Str(text.to_owned()))
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    /// Skips blanks and, inside brackets, line breaks and comments.
    fn skip_space(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\x0c']);
            let continued = self.rest.strip_prefix("\\\n").filter(|rest| !rest.is_empty());
            if let Some(rest) = continued {
                self.rest = rest;
            } else if self.depth > 0 && self.rest.starts_with(['\n', '\r']) {
                self.rest = self.rest.trim_start_matches(['\n', '\r']);
            } else if self.depth > 0 && self.rest.starts_with('#') {
                self.skip_comment();
            } else {
                return;
            }
        }
    }

    fn skip_comment(&mut self) {
        let end = self.rest.find(['\n', '\r']).unwrap_or(self.rest.len());
        self.rest = &self.rest[end..];
    }

    /// Skips what may follow the literal: blanks, line breaks and comments.
    fn skip_end(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\x0c', '\n', '\r']);
            if !self.rest.starts_with('#') {
                return;
            }
            self.skip_comment();
        }
    }

    fn eat(&mut self, token: char) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `a`, or the tuple `a, b`, which needs no brackets.
    fn tuple_or_value(&mut self) -> Option<Value> {
        let first = self.value()?;
        self.skip_space();
        if !self.rest.starts_with(',') {
            return Some(first);
        }
        let mut items = vec![first];
        while self.eat(',') {
            self.skip_space();
            if self.rest.is_empty() || self.rest.starts_with([')', ']', '\n', '\r', '#']) {
                break;
            }
            items.push(self.value()?);
            self.skip_space();
        }
        Some(Value::Tuple(items))
    }

    fn value(&mut self) -> Option<Value> {
        self.skip_space();
        match self.rest.chars().next()? {
            '(' => self.parenthesised(),
            '[' => self.list(),
            '+' | '-' => self.signed(),
            '0'..='9' | '.' => self.number(),
            _ => self.string_or_name(),
        }
    }

    fn open(&mut self) -> Option<()> {
        self.rest = &self.rest[1..];
        self.depth += 1;
        self.skip_space();
        (self.depth <= MAX_DEPTH).then_some(())
    }

    fn close(&mut self, bracket: char) -> Option<()> {
        self.skip_space();
        self.depth -= 1;
        self.eat(bracket).then_some(())
    }

    fn parenthesised(&mut self) -> Option<Value> {
        self.open()?;
        let value =
            if self.rest.starts_with(')') { Value::Tuple(vec![]) } else { self.tuple_or_value()? };
        self.close(')')?;
        Some(value)
    }

    fn list(&mut self) -> Option<Value> {
        self.open()?;
        let mut items = Vec::new();
        while !self.rest.starts_with(']') {
            items.push(self.value()?);
            self.skip_space();
            if !self.eat(',') {
                break;
            }
            self.skip_space();
        }
        self.close(']')?;
        Some(Value::List(items))
    }

    /// A sign before a number; Python allows only one.
    fn signed(&mut self) -> Option<Value> {
        let negative = self.rest.starts_with('-');
        self.rest = &self.rest[1..];
        self.skip_space();
        if self.rest.starts_with(['+', '-']) {
            return None;
        }
        if negative && self.rest.starts_with("9223372036854775808") {
            self.number_text()?.eq("9223372036854775808").then_some(Value::Int(i64::MIN))
        } else {
            match (self.value()?, negative) {
                (Value::Int(int), _) if int < 0 => None,
                (Value::Float(float), _) if float.is_sign_negative() => None,
                (Value::Int(int), true) => Some(Value::Int(-int)),
                (Value::Float(float), true) => Some(Value::Float(-float)),
                (value @ (Value::Int(_) | Value::Float(_)), false) => Some(value),
                _ => None,
            }
        }
    }

    fn number(&mut self) -> Option<Value> {
        number::parse(&self.number_text()?)
    }

    /// Takes all characters that can belong to a number, with the sign of an exponent.
    fn number_text(&mut self) -> Option<String> {
        let is_hex = self.rest.starts_with("0x") || self.rest.starts_with("0X");
        let mut end = 0;
        let mut previous = ' ';
        for c in self.rest.chars() {
            let is_sign = matches!(c, '+' | '-') && matches!(previous, 'e' | 'E') && !is_hex;
            if !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || is_sign) {
                break;
            }
            end += c.len_utf8();
            previous = c;
        }
        let text = self.rest[..end].to_owned();
        self.rest = &self.rest[end..];
        (!text.is_empty()).then_some(text)
    }

    fn string_or_name(&mut self) -> Option<Value> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if rest.starts_with(['\'', '"']) {
            return self.strings().map(Value::Str);
        }
        self.rest = rest;
        match name {
            "None" => Some(Value::None),
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            _ => None,
        }
    }

    /// One or more string literals, which Python joins.
    fn strings(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let prefix_end = self.rest.find(['\'', '"'])?;
            let is_raw = match &self.rest[..prefix_end] {
                "" | "u" | "U" => false,
                "r" | "R" => true,
                _ => return None,
            };
            self.rest = &self.rest[prefix_end..];
            self.string(is_raw, &mut text)?;
            self.skip_space();
            let prefix = self.rest.trim_start_matches(['u', 'U', 'r', 'R']);
            if !prefix.starts_with(['\'', '"']) {
                return Some(text);
            }
        }
    }

    fn string(&mut self, is_raw: bool, text: &mut String) -> Option<()> {
        let quote = self.rest.chars().next()?;
        let triple = [quote; 3].iter().collect::<String>();
        let is_triple = self.rest.starts_with(&triple);
        let end = if is_triple { triple } else { quote.to_string() };
        self.rest = &self.rest[end.len()..];
        while !self.rest.starts_with(&end) {
            let c = self.take()?;
            match c {
                '\n' | '\r' if !is_triple => return None,
                '\\' if is_raw => {
                    text.push('\\');
                    text.push(self.take()?);
                }
                '\\' => self.escape(text)?,
                c => text.push(c),
            }
        }
        self.rest = &self.rest[end.len()..];
        Some(())
    }

    fn take(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = self.take()?;
        let escaped = match c {
            '\n' => return Some(()),
            '\\' | '\'' | '"' => c,
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => self.hex_escape(2)?,
            'u' => self.hex_escape(4)?,
            'U' => self.hex_escape(8)?,
            'N' => return None,
            '0'..='7' => self.octal_escape(c)?,
            other => {
                text.push('\\');
                other
            }
        };
        text.push(escaped);
        Some(())
    }

    fn hex_escape(&mut self, digits: usize) -> Option<char> {
        let hex = self.rest.get(..digits)?;
        if !hex.chars().all(|c| c.is_ascii_hexdigit()) {
            return None;
        }
        self.rest = &self.rest[digits..];
        char::from_u32(u32::from_str_radix(hex, 16).ok()?)
    }

    fn octal_escape(&mut self, first: char) -> Option<char> {
        let mut code = first.to_digit(8)?;
        for _ in 0..2 {
            let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
            code = code * 8 + digit;
            self.rest = &self.rest[1..];
        }
        char::from_u32(code)
    }
}

#[cfg(test)]
mod tests;
