//! Where a JSON value ends, without looking into it more than needed.

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
        let mut at = 0;
        while at < chunk.len() {
            if self.after_backslash {
                self.after_backslash = false;
            } else if self.in_string {
                at += position(&chunk[at..], |byte| byte == b'"' || byte == b'\\')?;
                match chunk[at] {
                    b'\\' => self.after_backslash = true,
                    _ => self.in_string = false,
                }
            } else {
                // Brackets and braces differ in one bit.
                at += position(&chunk[at..], |byte| {
                    byte == b'"' || byte | 0x20 == b'{' || byte | 0x20 == b'}'
                })?;
                match chunk[at] {
                    b'"' => self.in_string = true,
                    b'[' | b'{' => self.depth += 1,
                    _ => self.depth = self.depth.saturating_sub(1),
                }
            }
            at += 1;
            if self.depth == 0 && !self.in_string {
                return Some(at);
            }
        }
        None
    }
}

/// Finds the first byte that is special, sixteen bytes at a time.
fn position(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> Option<usize> {
    let (blocks, _) = bytes.as_chunks::<16>();
    // Without an early end inside, the compiler compares a block at once.
    let has_special = |block: &[u8; 16]| block.iter().fold(false, |any, &b| any | is_special(b));
    let plain = 16 * blocks.iter().take_while(|block| !has_special(block)).count();
    let rest = &bytes[plain..];
    rest.iter().position(|&byte| is_special(byte)).map(|at| plain + at)
}

#[cfg(test)]
mod tests;
