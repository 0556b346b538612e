//! Where a JSON value ends, without looking into it more than needed.

use super::bits::{BLOCK_BYTES, bits};

/// Where a walk through one JSON value stands.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl Nesting {
    /// Walks on and returns the index just after the end of the value, if it ends in `chunk`.
    pub(super) fn advance(&mut self, chunk: &[u8]) -> Option<usize> {
        let (blocks, rest) = chunk.as_chunks::<BLOCK_BYTES>();
        for (index, block) in blocks.iter().enumerate() {
            let end = if self.in_string {
                self.advance_in_string(block)
            } else {
                self.advance_outside(block)
            };
            if let Some(end) = end {
                return Some(BLOCK_BYTES * index + end);
            }
        }
        let end = rest.iter().position(|&byte| self.step(byte))?;
        Some(chunk.len() - rest.len() + end + 1)
    }

    /// Walks through a block that begins inside a string.
    fn advance_in_string(&mut self, block: &[u8; BLOCK_BYTES]) -> Option<usize> {
        if contains(block, |byte| byte == b'"') {
            return self.steps(block);
        }
        // Nothing ends here; what matters is whether the byte after the block is escaped.
        let mut num_backslashes = block.iter().rev().take_while(|&&byte| byte == b'\\').count();
        if num_backslashes == BLOCK_BYTES {
            num_backslashes += usize::from(self.after_backslash);
        }
        self.after_backslash = num_backslashes % 2 == 1;
        None
    }

    /// Walks through a block that begins outside strings.
    fn advance_outside(&mut self, block: &[u8; BLOCK_BYTES]) -> Option<usize> {
        if contains(block, is_structure) { self.steps(block) } else { None }
    }

    /// Walks through a block from one significant byte to the next.
    fn steps(&mut self, block: &[u8; BLOCK_BYTES]) -> Option<usize> {
        let is_backslash = |index: usize| block[index] == b'\\';
        let mut left = bits(|index| is_structure(block[index]) || is_backslash(index));
        if self.after_backslash {
            // The first byte is escaped, whatever it is.
            left &= !1;
            self.after_backslash = false;
        }
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            if self.step(block[index]) {
                return Some(index + 1);
            }
            if self.after_backslash && index + 1 < BLOCK_BYTES {
                left &= !(1 << (index + 1));
                self.after_backslash = false;
            }
        }
        None
    }

    /// Processes one byte, and returns whether the value ends with it.
    fn step(&mut self, byte: u8) -> bool {
        if self.after_backslash {
            self.after_backslash = false;
        } else if self.in_string {
            match byte {
                b'\\' => self.after_backslash = true,
                b'"' => self.in_string = false,
                _ => {}
            }
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                _ => return false,
            }
        }
        self.depth == 0 && !self.in_string
    }
}

/// Whether a byte is a quote, a bracket or a brace; the latter two differ in one bit.
fn is_structure(byte: u8) -> bool {
    byte == b'"' || byte | 0x20 == b'{' || byte | 0x20 == b'}'
}

/// Checks all bytes: without an early exit the compiler compares sixteen at once.
fn contains(block: &[u8; BLOCK_BYTES], is_wanted: impl Fn(u8) -> bool) -> bool {
    block.iter().fold(false, |any, &byte| any | is_wanted(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Nesting;

    /// Walks through `text` cut in two, and returns where the value ends.
    fn end_of(text: &str, cut: usize) -> Option<usize> {
        let (first, second) = text.as_bytes().split_at(cut);
        let mut nesting = Nesting::default();
        nesting.advance(first).or_else(|| nesting.advance(second).map(|end| first.len() + end))
    }

    #[test]
    fn values_end_where_they_end_wherever_the_chunk_is_cut() {
        for value in [
            "\"text\"",
            "\"a \\\" quote and a \\\\\"",
            "[]",
            "[1234567890, 1234567890, 1234567890, [1234567890], 1234567890, {\"long\": \"0123456789abcdefghij\"}]",
            "{\"a\": [1, {\"b\": \"}]\\\\\"}], \"c\": \"\\u005d\"}",
        ] {
            let text = format!("{value}, [\"next\"]");
            for cut in 0..text.len() {
                assert_eq!(end_of(&text, cut), Some(value.len()), "{value} cut at {cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn strings_end_at_the_quote_that_is_not_escaped(
            pieces in prop::collection::vec((0_usize..5, "[a-z\\[\\]{}]{0,40}", "[\"n]"), 0..30),
            cut: prop::sample::Index,
        ) {
            // An even number of backslashes leaves the quote unescaped, so one is put before it.
            let escaped = |backslashes: usize, quote: &str| "\\".repeat(2 * backslashes + 1) + quote;
            let pieces: Vec<String> =
                pieces.iter().map(|(n, plain, quote)| plain.clone() + &escaped(*n, quote)).collect();
            let inside = pieces.concat();
            let value = format!("[{{\"{inside}\\\\\": \"{}\"}}]", "\\\\".repeat(pieces.len() * 5));
            let text = format!("{value}, {{\"next\": 1}}");
            prop_assert_eq!(end_of(&text, cut.index(text.len())), Some(value.len()));
        }
    }
}
