//! Numbers and strings.

use super::{FALSE, Machine, TRUE};
use crate::error::Reason;
use crate::pickle::Node;

/// Longer strings stay in the file.
const MAX_INLINE_BYTES: u64 = 4096;
/// Longer lines of the text opcodes are refused.
const MAX_LINE_BYTES: u64 = 1 << 16;

impl Machine<'_> {
    pub(super) fn step_number(&mut self, opcode: u8) -> Result<(), Reason> {
        let node = match opcode {
            b'I' => match self.text_line()?.as_str() {
                "00" => return self.push(FALSE),
                "01" => return self.push(TRUE),
                digits => parse_int(digits).ok_or_else(|| self.bad_number())?,
            },
            b'L' => {
                let line = self.text_line()?;
                parse_int(line.trim_end_matches('L')).ok_or_else(|| self.bad_number())?
            }
            b'J' => Node::Int(i32::from_le_bytes(self.source.array()?).into()),
            b'K' => Node::Int(self.source.byte()?.into()),
            b'M' => Node::Int(u16::from_le_bytes(self.source.array()?).into()),
            0x8a => {
                let len = self.source.byte()?;
                self.long(u64::from(len))?
            }
            0x8b => {
                let len = u32::from_le_bytes(self.source.array()?);
                self.long(u64::from(len))?
            }
            b'F' => Node::Float(self.number_line()?),
            _ => Node::Float(f64::from_be_bytes(self.source.array()?)),
        };
        self.push_node(node)
    }

    /// Reads an integer of `len` bytes in two's complement.
    fn long(&mut self, len: u64) -> Result<Node, Reason> {
        if len > 16 {
            self.source.skip(len)?;
            return Ok(Node::HugeInt);
        }
        let bytes = self.source.bytes(len)?;
        let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = [if is_negative { 0xff } else { 0 }; 16];
        wide[..bytes.len()].copy_from_slice(&bytes);
        Ok(Node::Int(i128::from_le_bytes(wide)))
    }

    pub(super) fn step_string(&mut self, opcode: u8) -> Result<(), Reason> {
        let (len, utf8) = match opcode {
            b'S' => {
                let line = self.source.line(MAX_LINE_BYTES)?;
                let bytes = unquote(&line)
                    .ok_or_else(|| self.source.malformed("a string without its quotes"))?;
                return self.push_node(Node::Bytes(bytes.into()));
            }
            b'V' => {
                let line = self.source.line(MAX_LINE_BYTES)?;
                let text = unescape_unicode(&line)
                    .ok_or_else(|| self.source.malformed("a wrong escape in a string"))?;
                return self.push_node(Node::Text(text.into()));
            }
            b'U' | b'C' => (self.source.byte()?.into(), false),
            0x8c => (self.source.byte()?.into(), true),
            b'T' | b'B' => (u32::from_le_bytes(self.source.array()?).into(), false),
            b'X' => (u32::from_le_bytes(self.source.array()?).into(), true),
            0x8d => (u64::from_le_bytes(self.source.array()?), true),
            _ => (u64::from_le_bytes(self.source.array()?), false),
        };
        let node = self.string(len, utf8)?;
        self.push_node(node)
    }

    fn string(&mut self, len: u64, utf8: bool) -> Result<Node, Reason> {
        if len > MAX_INLINE_BYTES {
            let offset = self.source.position();
            self.source.skip(len)?;
            return Ok(Node::Span { offset, len, utf8 });
        }
        let bytes = self.source.bytes(len)?;
        if utf8 {
            // Python also writes lone surrogates; none of the relevant names contains one.
            Ok(Node::Text(String::from_utf8_lossy(&bytes).into()))
        } else {
            Ok(Node::Bytes(bytes.into()))
        }
    }

    pub(super) fn text_line(&mut self) -> Result<String, Reason> {
        let line = self.source.line(MAX_LINE_BYTES)?;
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    pub(super) fn number_line<T: std::str::FromStr>(&mut self) -> Result<T, Reason> {
        let line = self.text_line()?;
        line.trim().parse().map_err(|_error| self.bad_number())
    }

    fn bad_number(&self) -> Reason {
        self.source.malformed("expected a number")
    }
}

fn parse_int(digits: &str) -> Option<Node> {
    let digits = digits.trim();
    match digits.parse() {
        Ok(value) => Some(Node::Int(value)),
        Err(_) if digits.bytes().all(|b| b.is_ascii_digit() || b == b'-') && digits.len() > 30 => {
            Some(Node::HugeInt)
        }
        Err(_) => None,
    }
}

/// Reverses Python 2's `repr` of a string.
fn unquote(line: &[u8]) -> Option<Vec<u8>> {
    let line = line.trim_ascii();
    let (quote @ (b'\'' | b'"'), [inner @ .., last]) = line.split_first()? else { return None };
    if quote != last {
        return None;
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (&escape, tail) = rest.split_first()?;
        rest = tail;
        bytes.push(match escape {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'x' => {
                let (digits, tail) = rest.split_at_checked(2)?;
                rest = tail;
                hex(digits)? as u8
            }
            other => other,
        });
    }
    Some(bytes)
}

/// Reverses Python's raw-unicode-escape encoding.
fn unescape_unicode(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let num_digits = match (first, rest.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                // All other bytes are latin-1.
                text.push(char::from(first));
                continue;
            }
        };
        let (digits, tail) = rest[1..].split_at_checked(num_digits)?;
        rest = tail;
        text.push(char::from_u32(hex(digits)?).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    Some(text)
}

fn hex(digits: &[u8]) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
