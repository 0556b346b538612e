//! The changes of colour of the original repository.
//!
//! Reference: its `datasets/transforms_clip.py`, `PhotometricDistort`, on NumPy and OpenCV
//! (`cvtColor` of floating-point images).
//!
//! It takes the channels of an RGB image for blue, green and red, and converts numbers to bytes
//! without clipping, so what is too bright becomes dark. Both are kept: the published weights were
//! trained on such images.

use crate::RgbImage;
use crate::random::Random;

/// The largest change of brightness, in levels.
const MAX_BRIGHTNESS: f64 = 32.0;
/// Range of the factors of contrast and saturation.
const FACTORS: std::ops::Range<f64> = 0.5..1.5;
/// The largest change of hue, in degrees.
const MAX_HUE: f64 = 18.0;
/// The orders of the channels; the first one changes nothing.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
/// Degrees of one of the six sectors of hues.
const SECTOR: f32 = 60.0;

/// Changes of brightness, contrast, saturation and hue, and an order of the channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhotometricDistort {
    /// Added to all channels, in levels.
    pub brightness: f32,
    /// Factor of all channels.
    pub contrast: f32,
    /// Whether contrast changes before saturation and hue, or after them.
    pub contrast_first: bool,
    /// Factor of the saturation.
    pub saturation: f32,
    /// Added to the hue, in degrees.
    pub hue: f32,
    /// For each channel the one that it is taken from.
    pub channels: [usize; 3],
}

impl PhotometricDistort {
    /// Nothing but the conversion to hue, saturation and value, and back.
    pub const NONE: Self = Self {
        brightness: 0.0,
        contrast: 1.0,
        contrast_first: true,
        saturation: 1.0,
        hue: 0.0,
        channels: ORDERS[0],
    };

    /// Draws each change with probability one half.
    pub fn draw(random: &mut Random) -> Self {
        let mut drawn = |range: std::ops::Range<f64>, otherwise: f32| {
            if random.bernoulli(0.5) { random.uniform(range) as f32 } else { otherwise }
        };
        let brightness = drawn(-MAX_BRIGHTNESS..MAX_BRIGHTNESS, 0.0);
        let contrast = drawn(FACTORS, 1.0);
        let saturation = drawn(FACTORS, 1.0);
        let hue = drawn(-MAX_HUE..MAX_HUE, 0.0);
        let contrast_first = random.bernoulli(0.5);
        let order = if random.bernoulli(0.5) { random.index(ORDERS.len()) } else { 0 };
        let channels = ORDERS[order];
        Self { brightness, contrast, contrast_first, saturation, hue, channels }
    }

    pub(super) fn apply(self, mut image: RgbImage) -> RgbImage {
        let (pixels, _none_left) = image.pixels.as_chunks_mut::<3>();
        for pixel in pixels {
            let mut colors = pixel.map(|byte| f32::from(byte) + self.brightness);
            if self.contrast_first {
                colors = colors.map(|color| color * self.contrast);
            }
            let [hue, saturation, value] = to_hsv(colors);
            colors = from_hsv([self.turned(hue), saturation * self.saturation, value]);
            if !self.contrast_first {
                colors = colors.map(|color| color * self.contrast);
            }
            *pixel = self.channels.map(|channel| to_byte(colors[channel]));
        }
        image
    }

    /// Turns a hue within 0..360 degrees.
    fn turned(self, hue: f32) -> f32 {
        let hue = hue + self.hue;
        let hue = if hue > 360.0 { hue - 360.0 } else { hue };
        if hue < 0.0 { hue + 360.0 } else { hue }
    }
}

/// NumPy's conversion on x86-64: the fraction is dropped, and of the integer the low byte stays.
fn to_byte(value: f32) -> u8 {
    value as i32 as u8
}

/// Returns the hue in degrees, the saturation in 0..1, and the value in levels.
fn to_hsv([blue, green, red]: [f32; 3]) -> [f32; 3] {
    let value = blue.max(green).max(red);
    let range = value - blue.min(green).min(red);
    let saturation = range / (value.abs() + f32::EPSILON);
    let scale = SECTOR / (range + f32::EPSILON);
    let hue = if value == red {
        (green - blue) * scale
    } else if value == green {
        (blue - red) * scale + 2.0 * SECTOR
    } else {
        (red - green) * scale + 4.0 * SECTOR
    };
    [if hue < 0.0 { hue + 6.0 * SECTOR } else { hue }, saturation, value]
}

/// Returns blue, green and red.
fn from_hsv([hue, saturation, value]: [f32; 3]) -> [f32; 3] {
    if saturation == 0.0 {
        return [value; 3];
    }
    let turns = (hue * (1.0 / SECTOR)).rem_euclid(6.0);
    let sector = turns.floor();
    let part = turns - sector;
    let low = value * (1.0 - saturation);
    let falling = value * (1.0 - saturation * part);
    let rising = value * (1.0 - saturation * (1.0 - part));
    match sector as u32 {
        1 => [low, value, falling],
        2 => [rising, value, low],
        3 => [value, falling, low],
        4 => [value, low, rising],
        5 => [falling, low, value],
        _ => [low, rising, value],
    }
}

#[cfg(test)]
mod tests {
    //! By hand from the formulas of OpenCV, with 200, 100 and 50 as blue, green and red.

    use seqformer_masks::ImageSize;

    use super::*;
    use crate::Purpose;

    const PIXEL: [u8; 3] = [200, 100, 50];

    fn check(distort: PhotometricDistort, expected: [f32; 3]) {
        let size = ImageSize { height: 1, width: 1 };
        let found = distort.apply(RgbImage { size, pixels: PIXEL.to_vec() }).pixels;
        // A conversion there and back may end a little below a whole number, whose fraction is dropped.
        let near = found.iter().zip(expected).all(|(&byte, number)| {
            (number - 0.001 - 1.0..=number + 0.001).contains(&f32::from(byte))
        });
        assert!(near, "{distort:?}: {found:?}, expected {expected:?}");
    }

    #[test]
    fn each_change_is_its_formula() {
        const NONE: PhotometricDistort = PhotometricDistort::NONE;
        check(NONE, [200.0, 100.0, 50.0]);
        check(PhotometricDistort { brightness: -20.0, ..NONE }, [180.0, 80.0, 30.0]);
        check(PhotometricDistort { contrast: 0.5, ..NONE }, [100.0, 50.0, 25.0]);
        // The saturation 150 / 200 becomes 0.375: the low channel 200 (1 - 0.375) = 125, and the green one, at
        // a third between low and high, 150.
        check(PhotometricDistort { saturation: 0.5, ..NONE }, [200.0, 150.0, 125.0]);
        // The hue (50 - 100) * 60 / 150 + 240 = 220 becomes 235: a twelfth below the next sector.
        check(PhotometricDistort { hue: 15.0, ..NONE }, [200.0, 62.5, 50.0]);
        check(PhotometricDistort { channels: [2, 0, 1], ..NONE }, [50.0, 200.0, 100.0]);
    }

    #[test]
    fn what_is_too_bright_becomes_dark_and_below_zero_bright() {
        // 200 * 1.5 = 300 and 300 - 256 = 44; 50 - 60 = -10 and 256 - 10 = 246.
        let bright = PhotometricDistort { contrast: 1.5, ..PhotometricDistort::NONE };
        check(bright, [44.0, 150.0, 75.0]);
        assert_eq!([to_byte(300.7), to_byte(-10.9), to_byte(255.9)], [44, 246, 255]);
        // Before saturation halves: (300, 150, 75) becomes (300, 225, 187.5). After it: (200, 150, 125) times 1.5.
        let both = PhotometricDistort { saturation: 0.5, ..bright };
        check(both, [44.0, 225.0, 187.5]);
        check(PhotometricDistort { contrast_first: false, ..both }, [44.0, 225.0, 187.5]);
    }

    #[test]
    fn each_change_is_drawn_half_of_the_time_within_its_range() {
        let draws: Vec<PhotometricDistort> = (0..600)
            .map(|index| PhotometricDistort::draw(&mut Random::new(1, Purpose::Sample, index)))
            .collect();
        let count = |is: fn(&PhotometricDistort) -> bool| draws.iter().filter(|d| is(d)).count();
        let counts = [
            count(|d| d.brightness != 0.0),
            count(|d| d.contrast != 1.0),
            count(|d| d.contrast_first),
            count(|d| d.saturation != 1.0),
            count(|d| d.hue != 0.0),
        ];
        // Binomial with n = 600 and p = 1/2: six standard deviations are 73; with p = 5/12, 72.
        assert!(counts.iter().all(|count| count.abs_diff(300) < 73), "{counts:?}");
        assert!(count(|d| d.channels != [0, 1, 2]).abs_diff(250) < 72);
        assert!(draws.iter().all(|d| d.brightness.abs() <= 32.0 && d.hue.abs() <= 18.0));
        assert!(draws.iter().all(|d| (0.5..=1.5).contains(&d.contrast)));
        assert!(draws.iter().all(|d| (0.5..=1.5).contains(&d.saturation)));
    }
}
