//! `INPUT.CROP`.

use super::choice::choice;
use super::read::Reader;
use super::section::section;
use crate::ConfigError;
use crate::spec::Shown::{self, By};
use crate::spec::tests_in::AUGMENTATION;

const WINDOWS: Shown = By(AUGMENTATION, "windows_have_the_size_of_their_kind_and_stay_inside");

section! {
    /// `INPUT.CROP`; the size is height and width.
    pub struct CropSection {
        enabled: bool = "INPUT.CROP.ENABLED" or "False", Reader::bool,
            "Crops the frames of half of the clips in training, each frame by a window of its own.",
            By(AUGMENTATION, "windows_are_drawn_for_each_frame_of_half_of_the_clips");
        crop_type: CropType = "INPUT.CROP.TYPE" or "'relative_range'", Reader::choice,
            "What SIZE means: relative_range, relative, absolute or absolute_range.", WINDOWS;
        size: [f64; 2] = "INPUT.CROP.SIZE" or "[0.9, 0.9]", size,
            "Size of the crop, in pixels or as fractions.", WINDOWS;
    }
}

choice! {
    /// `INPUT.CROP.TYPE`.
    pub enum CropType {
        /// `relative`: a fixed fraction of the image.
        Relative = "relative",
        /// `relative_range`: a random fraction from `size` to 1.
        RelativeRange = "relative_range",
        /// `absolute`: a fixed size.
        Absolute = "absolute",
        /// `absolute_range`: random sides between the two numbers of `size`.
        AbsoluteRange = "absolute_range",
    }
}

fn size(reader: &Reader<'_>, key: &str) -> Result<[f64; 2], ConfigError> {
    let size: [f64; 2] = reader.numbers(key)?;
    if !reader.bool("INPUT.CROP.ENABLED")? {
        return Ok(size);
    }
    let is_pixels = |side: f64| side >= 1.0 && side <= f64::from(u32::MAX) && side.fract() == 0.0;
    let (is_valid, expected) = match reader.choice("INPUT.CROP.TYPE")? {
        CropType::Relative | CropType::RelativeRange => {
            (size.iter().all(|side| *side > 0.0 && *side <= 1.0), "two fractions above 0, up to 1")
        }
        CropType::Absolute => {
            (size.iter().all(|side| is_pixels(*side)), "a height and a width in pixels")
        }
        CropType::AbsoluteRange => (
            size.iter().all(|side| is_pixels(*side)) && size[0] <= size[1],
            "the smallest and the largest side in pixels",
        ),
    };
    if is_valid { Ok(size) } else { Err(reader.fail(key, expected)) }
}
