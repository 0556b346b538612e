//! A fast parser of the text of one element, for the fields that make up almost all of it.
//!
//! Every step returns `None` for unusual or invalid text. The caller then falls back to
//! [`Entry`](crate::Entry), which handles all of JSON and explains faults.

use super::bits::{BLOCK_BYTES, bits, block_at};
use super::counts::parse_counts;
use super::nesting::Nesting;

/// A position in the text of an element.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of a text.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// Reads the value of `key` of an object, and returns it with the text of the object that has
    /// `[]` in place of the value.
    pub fn cut_value<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<(T, Vec<u8>)> {
        self.skip(b'{')?;
        while self.key()? != key.as_bytes() {
            self.skip_value()?;
            self.skip(b',')?;
        }
        let start = self.at;
        let value = read(self)?;
        Some((value, [&self.text[..start], b"[]", &self.text[self.at..]].concat()))
    }

    /// Reads a list; `read` reads one element.
    pub fn list(&mut self, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.skip(b'[')?;
        if self.skip(b']').is_some() {
            return Some(());
        }
        loop {
            read(self)?;
            if self.skip(b',').is_none() {
                return self.skip(b']');
            }
        }
    }

    /// Reads a mask `{"size": [height, width], "counts": …}`; `read` reads the counts.
    pub fn mask<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<([u32; 2], T)> {
        let (mut size, mut counts) = (None, None);
        self.skip(b'{')?;
        loop {
            match self.key()? {
                b"size" if size.is_none() => size = Some(self.pair()?),
                b"counts" if counts.is_none() => counts = Some(read(self)?),
                _ => return None,
            }
            if self.skip(b',').is_none() {
                self.skip(b'}')?;
                return size.zip(counts);
            }
        }
    }

    /// Skips `null`, `[]` or `{}`, the ways to write an absent value.
    pub fn nothing(&mut self) -> Option<()> {
        self.skip_space();
        if self.text[self.at..].starts_with(b"null") {
            self.at += 4;
            return Some(());
        }
        let start = self.at;
        for [open, close] in [*b"[]", *b"{}"] {
            if self.skip(open).and_then(|()| self.skip(close)).is_some() {
                return Some(());
            }
            self.at = start;
        }
        None
    }

    /// Appends the numbers of a list.
    pub fn counts(&mut self, counts: &mut Vec<u32>) -> Option<()> {
        self.skip_space();
        self.at = parse_counts(self.text, self.at, counts)?;
        Some(())
    }

    /// Appends a string of the characters of the compressed form, `0` to `o`.
    pub fn compressed(&mut self, text: &mut Vec<u8>) -> Option<()> {
        self.skip(b'"')?;
        loop {
            let mut padded = [0; BLOCK_BYTES];
            let block = block_at(self.text, self.at, &mut padded);
            let is_plain = |byte: u8| (b'0'..=b'o').contains(&byte) && byte != b'\\';
            let num_plain = bits(|index| is_plain(block[index])).trailing_ones() as usize;
            // A copy of known length takes no call.
            let end = text.len() + num_plain;
            text.extend_from_slice(block);
            text.truncate(end);
            self.at += num_plain;
            if num_plain == BLOCK_BYTES {
                continue;
            }
            match self.text[self.at..] {
                [b'"', ..] => {
                    self.at += 1;
                    return Some(());
                }
                // The only character of the compressed form that JSON has another use for.
                [b'\\', b'\\', ..] => {
                    text.push(b'\\');
                    self.at += 2;
                }
                _ => return None,
            }
        }
    }

    /// Returns how much text is left, white space included.
    pub fn bytes_left(&self) -> usize {
        self.text.len() - self.at
    }

    /// Tells whether a string follows.
    pub fn is_string(&mut self) -> bool {
        self.skip_space();
        self.text.get(self.at) == Some(&b'"')
    }

    /// Reads `"key":`.
    fn key(&mut self) -> Option<&'a [u8]> {
        self.skip(b'"')?;
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        self.at += length;
        self.skip(b'"')?;
        self.skip(b':')?;
        Some(&rest[..length])
    }

    /// Reads `[number, number]`.
    fn pair(&mut self) -> Option<[u32; 2]> {
        self.skip(b'[')?;
        let first = self.number()?;
        self.skip(b',')?;
        let second = self.number()?;
        self.skip(b']')?;
        Some([first, second])
    }

    fn number(&mut self) -> Option<u32> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let length = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        if length > 1 && rest[0] == b'0' {
            return None;
        }
        self.at += length;
        std::str::from_utf8(&rest[..length]).ok()?.parse().ok()
    }

    fn skip_value(&mut self) -> Option<()> {
        self.skip_space();
        let rest = &self.text[self.at..];
        self.at += match rest.first()? {
            b'"' | b'[' | b'{' => Nesting::default().advance(rest)?,
            _ => rest.iter().position(|byte| matches!(byte, b',' | b'}'))?,
        };
        Some(())
    }

    /// Skips white space and then `byte`.
    fn skip(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        (self.text.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        while self.text.get(self.at).is_some_and(is_space) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests;
