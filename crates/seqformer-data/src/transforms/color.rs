//! Brightness, contrast and saturation.
//!
//! Reference: detectron2 `RandomBrightness`, `RandomContrast` and `RandomSaturation`, and fvcore
//! `BlendTransform`: f32 arithmetic, clipped and truncated to bytes.

use crate::RgbImage;

/// A blend of an image with something plain. A weight of 1 changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Blend {
    /// With black.
    Brightness(f64),
    /// With the mean of all pixels and channels.
    Contrast(f64),
    /// With the grey of every pixel.
    Saturation(f64),
}

impl Blend {
    pub(super) fn apply(self, mut image: RgbImage) -> RgbImage {
        match self {
            Self::Brightness(weight) => add_to_scaled(&mut image.pixels, 0.0, weight),
            Self::Contrast(weight) => {
                let sum: u64 = image.pixels.iter().map(|&byte| u64::from(byte)).sum();
                let mean = sum as f64 / image.pixels.len().max(1) as f64;
                add_to_scaled(&mut image.pixels, (1.0 - weight) * mean, weight);
            }
            Self::Saturation(weight) => saturate(&mut image.pixels, weight),
        }
        image
    }
}

/// Replaces every byte by `offset + weight * byte`.
fn add_to_scaled(pixels: &mut [u8], offset: f64, weight: f64) {
    // There are only 256 different bytes.
    let table: [u8; 256] = std::array::from_fn(|byte| {
        let value = offset as f32 + weight as f32 * byte as f32;
        value.clamp(0.0, 255.0) as u8
    });
    for byte in pixels {
        *byte = table[usize::from(*byte)];
    }
}

fn saturate(pixels: &mut [u8], weight: f64) {
    let (pixels, _none_left) = pixels.as_chunks_mut::<3>();
    for pixel in pixels {
        let [red, green, blue] = pixel.map(f64::from);
        let grey = 0.299 * red + 0.587 * green + 0.114 * blue;
        for byte in pixel {
            // The scaled image is f32 in the reference, the grey f64.
            let scaled = weight as f32 * f32::from(*byte);
            let value = (1.0 - weight) * grey + f64::from(scaled);
            *byte = value.clamp(0.0, 255.0) as u8;
        }
    }
}
