//! Changes of hue and saturation.
//!
//! Reference: imgaug 0.4 `AddToHueAndSaturation`, and OpenCV's 8-bit HSV: hue in steps of two
//! degrees, saturation and value as bytes.
//!
//! Differs: always rounds on the way back to RGB. OpenCV truncates where it processes several
//! pixels at once, and rounds the rest of a row.

use crate::RgbImage;

/// Steps of the circle of hues.
const NUM_HUES: i32 = 180;
/// Hues from one primary colour to the next secondary one.
const HUES_PER_SECTOR: i32 = NUM_HUES / 6;
/// OpenCV divides by multiplying with reciprocals of this many fractional bits.
const FRACTION_BITS: u32 = 12;

/// Rotates the hue and adds to the saturation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HueSaturation {
    /// In steps of two degrees.
    pub hue: i16,
    /// Added to the saturation, which ranges from 0 to 255.
    pub saturation: i16,
}

impl HueSaturation {
    /// Differs: two zeros change nothing; imgaug still rounds to 8-bit HSV and back.
    pub(super) fn apply(self, mut image: RgbImage) -> RgbImage {
        if self.hue == 0 && self.saturation == 0 {
            return image;
        }
        let (pixels, _none_left) = image.pixels.as_chunks_mut::<3>();
        for pixel in pixels {
            let [hue, saturation, value] = to_hsv(*pixel);
            let hue = (hue + i32::from(self.hue)).rem_euclid(NUM_HUES);
            let saturation = (saturation + i32::from(self.saturation)).clamp(0, 255);
            *pixel = to_rgb([hue, saturation, value]);
        }
        image
    }
}

/// Returns hue, saturation and value as OpenCV rounds them.
fn to_hsv(pixel: [u8; 3]) -> [i32; 3] {
    let [red, green, blue] = pixel.map(i32::from);
    let value = red.max(green).max(blue);
    let range = value - red.min(green).min(blue);
    let (difference, offset) = if value == red {
        (green - blue, 0)
    } else if value == green {
        (blue - red, 2 * range)
    } else {
        (red - green, 4 * range)
    };
    let scaled = |number: i32, reciprocal: i32| {
        (number * reciprocal + (1 << (FRACTION_BITS - 1))) >> FRACTION_BITS
    };
    let hue = scaled(difference + offset, reciprocal(HUES_PER_SECTOR, range));
    let hue = if hue < 0 { hue + NUM_HUES } else { hue };
    [hue, scaled(range, reciprocal(255, value)), value]
}

/// Returns `numerator / divisor` with the fractional bits; 0 for a divisor of 0.
fn reciprocal(numerator: i32, divisor: i32) -> i32 {
    if divisor == 0 {
        return 0;
    }
    let exact = f64::from(numerator << FRACTION_BITS) / f64::from(divisor);
    exact.round_ties_even() as i32
}

/// Returns red, green and blue.
fn to_rgb([hue, saturation, value]: [i32; 3]) -> [u8; 3] {
    let sector = hue / HUES_PER_SECTOR;
    let part = (hue % HUES_PER_SECTOR) as f32 / HUES_PER_SECTOR as f32;
    let (saturation, value) = (saturation as f32 / 255.0, value as f32 / 255.0);
    let low = value * (1.0 - saturation);
    let falling = value * (1.0 - saturation * part);
    let rising = value * (1.0 - saturation * (1.0 - part));
    let channels = match sector {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    };
    channels.map(|channel| (channel * 255.0).round_ties_even() as u8)
}
