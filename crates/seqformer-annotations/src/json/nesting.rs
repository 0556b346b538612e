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
mod tests;
