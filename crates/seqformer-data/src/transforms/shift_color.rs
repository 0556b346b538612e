//! Lighter or darker by a fixed amount.
//!
//! Reference: imgaug 0.4 `Add` with one whole number for all channels.

use crate::RgbImage;

/// Adds to all channels alike and clips to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShiftColor {
    /// From -255, which gives black, to 255, which gives white.
    pub levels: i16,
}

impl ShiftColor {
    pub(super) fn apply(self, mut image: RgbImage) -> RgbImage {
        for byte in &mut image.pixels {
            *byte = i16::from(*byte).saturating_add(self.levels).clamp(0, 255) as u8;
        }
        image
    }
}
