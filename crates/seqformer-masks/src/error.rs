//! Errors of masks that come from files.

use thiserror::Error;

use crate::ImageSize;

/// A mask, run-length code or polygon that cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum MaskError {
    /// The size has more pixels than [`ImageSize::MAX_PIXELS`].
    #[error("mask size {size}: expected at most {} pixels", ImageSize::MAX_PIXELS)]
    TooLarge {
        /// The size found.
        size: ImageSize,
    },
    /// A bitmap has another number of bytes than its size has pixels.
    #[error("bitmap of size {size}: expected {expected} bytes, found {found}")]
    ByteCount {
        /// The size given.
        size: ImageSize,
        /// Height times width.
        expected: u64,
        /// The number of bytes given.
        found: usize,
    },
    /// The runs do not fill the mask.
    #[error("run lengths of size {size}: expected a sum of {expected}, found {found}")]
    RunSum {
        /// The size given.
        size: ImageSize,
        /// Height times width.
        expected: u64,
        /// The sum of all runs.
        found: u64,
    },
    /// A character that the compressed form does not use.
    #[error(
        "compressed run lengths: position {position}: expected a character in '0'..='o', \
         found {found:?}"
    )]
    Character {
        /// Offset in bytes from the start of the text.
        position: usize,
        /// The character there.
        found: char,
    },
    /// The text stops in the middle of a number.
    #[error("compressed run lengths: the text ends inside a number")]
    UnfinishedNumber,
    /// A number of the compressed form is negative or does not fit 32 bits.
    #[error("compressed run lengths: run {index}: expected 0 to 4294967295, found another value")]
    RunRange {
        /// Index of the run, from 0.
        index: usize,
    },
    /// Masks to be combined differ in size.
    #[error("masks to combine: expected size {expected}, found {found}")]
    SizeMismatch {
        /// Size of the first mask.
        expected: ImageSize,
        /// The size that differs.
        found: ImageSize,
    },
    /// A polygon with an odd number of numbers, or with fewer than three points.
    #[error("polygon: expected an even number of at least 6 numbers, found {found}")]
    PolygonLength {
        /// The length of the list.
        found: usize,
    },
    /// A polygon coordinate that is not finite or implausibly large.
    #[error("polygon: expected coordinates between -1000000 and 1000000, found {found}")]
    PolygonCoordinate {
        /// The coordinate.
        found: f64,
    },
    /// A crop window that exceeds the mask.
    #[error("crop of a mask of size {size}: the window {window} at ({x}, {y}) exceeds it")]
    CropWindow {
        /// Size of the mask.
        size: ImageSize,
        /// Size of the window.
        window: ImageSize,
        /// Left column of the window.
        x: u32,
        /// Top row of the window.
        y: u32,
    },
}

impl ImageSize {
    /// Returns the size itself if it is reasonable to allocate.
    ///
    /// # Errors
    ///
    /// [`MaskError::TooLarge`] above [`Self::MAX_PIXELS`].
    pub fn checked(self) -> Result<Self, MaskError> {
        if self.num_pixels() > Self::MAX_PIXELS {
            return Err(MaskError::TooLarge { size: self });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_sizes_are_refused() {
        assert!(ImageSize { height: 1 << 14, width: 1 << 14 }.checked().is_ok());
        assert!(ImageSize { height: u32::MAX, width: u32::MAX }.checked().is_err());
    }
}
