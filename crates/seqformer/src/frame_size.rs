//! Height and width of frames, and their padding.

use tch::Tensor;

use crate::ModelError;

/// Frames are padded to multiples of this, in pixels.
pub const SIZE_DIVISIBILITY: i64 = 32;

/// Height and width of frames, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameSize {
    /// Rows.
    pub height: i64,
    /// Columns.
    pub width: i64,
}

impl FrameSize {
    /// This size with both sides rounded up to a multiple of 32.
    pub fn padded(self) -> Self {
        let up = |side: i64| {
            side.div_euclid(SIZE_DIVISIBILITY) * SIZE_DIVISIBILITY
                + if side % SIZE_DIVISIBILITY == 0 { 0 } else { SIZE_DIVISIBILITY }
        };
        Self { height: up(self.height), width: up(self.width) }
    }

    /// The size after a stride of 2: half of both sides, rounded up.
    pub fn halved(self) -> Self {
        Self { height: (self.height + 1) / 2, width: (self.width + 1) / 2 }
    }

    /// The smallest size that contains all others.
    pub(crate) fn largest(sizes: &[Self]) -> Self {
        Self {
            height: sizes.iter().map(|size| size.height).max().unwrap_or(1),
            width: sizes.iter().map(|size| size.width).max().unwrap_or(1),
        }
    }

    /// Checks that these are frames of this size, `[T, 3, H, W]`, and that there is at least one.
    pub(crate) fn check(self, frames: &Tensor) -> Result<(), ModelError> {
        let found = frames.size();
        let fits =
            matches!(found[..], [t, 3, h, w] if t > 0 && h == self.height && w == self.width);
        if fits {
            return Ok(());
        }
        let expected = format!("[T, 3, {}, {}]", self.height, self.width);
        Err(ModelError::Frames { expected, found: format!("{found:?}") })
    }
}

impl std::fmt::Display for FrameSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_padded_to_multiples_of_32() {
        let check = |height, width, expected: (i64, i64)| {
            let padded = FrameSize { height, width }.padded();
            assert_eq!((padded.height, padded.width), expected);
        };
        check(360, 640, (384, 640));
        check(32, 33, (32, 64));
        check(1, 1, (32, 32));
    }
}
