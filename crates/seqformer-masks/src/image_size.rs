//! Height and width of images and masks.

use std::fmt;

/// Height and width in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImageSize {
    /// Number of rows.
    pub height: u32,
    /// Number of columns.
    pub width: u32,
}

impl ImageSize {
    /// The most pixels that an image or mask read from a file may have.
    pub const MAX_PIXELS: u64 = 1 << 28;

    /// Returns height times width.
    pub fn num_pixels(self) -> u64 {
        u64::from(self.height) * u64::from(self.width)
    }

    /// Height and width, as tensors count their sides.
    pub fn sides(self) -> [i64; 2] {
        [i64::from(self.height), i64::from(self.width)]
    }

    /// The size with these sides, as tensors count them; `None` if one of them is negative or above 2³¹ - 1.
    pub fn from_sides(height: i64, width: i64) -> Option<Self> {
        let side = |side: i64| i32::try_from(side).ok().and_then(|side| u32::try_from(side).ok());
        Some(Self { height: side(height)?, width: side(width)? })
    }
}

impl fmt::Display for ImageSize {
    /// Writes `height x width`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{} (height x width)", self.height, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_that_no_image_has_give_no_size() {
        let size = ImageSize { height: 3, width: 2_147_483_647 };
        assert_eq!(size.sides(), [3, 2_147_483_647]);
        assert_eq!(ImageSize::from_sides(3, 2_147_483_647), Some(size));
        assert_eq!(ImageSize::from_sides(0, 0), Some(ImageSize { height: 0, width: 0 }));
        for sides in [[-1, 4], [4, -1], [4, 2_147_483_648], [i64::MAX, 4]] {
            assert_eq!(ImageSize::from_sides(sides[0], sides[1]), None, "{sides:?}");
        }
    }
}
