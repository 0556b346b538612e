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
}

impl fmt::Display for ImageSize {
    /// Writes `height x width`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{} (height x width)", self.height, self.width)
    }
}
