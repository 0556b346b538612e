//! A generated video for measurements: discs that move over a smooth background.

use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

/// Discs in a frame.
const DISCS: usize = 6;

/// The frames of a video, the same every time.
pub(super) fn frames(count: usize, size: ImageSize) -> Vec<RgbImage> {
    (0..count).map(|time| frame(time, size)).collect()
}

fn frame(time: usize, size: ImageSize) -> RgbImage {
    let mut image = RgbImage::new(size);
    let (height, width) = (size.height as usize, size.width as usize);
    let discs: Vec<Disc> = (0..DISCS).map(|index| Disc::new(index, time, size)).collect();
    for (index, pixel) in image.pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((index % width) as f32, (index / width) as f32);
        let disc = discs.iter().rev().find(|disc| disc.holds(x, y));
        let color = disc.map_or_else(|| background(x, y, width, height), |disc| disc.color(x, y));
        pixel.copy_from_slice(&color);
    }
    image
}

fn background(x: f32, y: f32, width: usize, height: usize) -> [u8; 3] {
    let (x, y) = (x / width as f32, y / height as f32);
    let wave = (12.0 * x + 5.0 * (9.0 * y).sin()).sin();
    [100.0 + 60.0 * wave, 120.0 + 80.0 * (y - 0.5), 90.0 + 70.0 * x].map(|value| value as u8)
}

struct Disc {
    x: f32,
    y: f32,
    radius: f32,
    hue: f32,
}

impl Disc {
    fn new(index: usize, time: usize, size: ImageSize) -> Self {
        let (width, height) = (size.width as f32, size.height as f32);
        let place = index as f32 / DISCS as f32;
        let angle = 6.3 * place + 0.08 * time as f32;
        Self {
            x: width * (0.5 + 0.35 * angle.cos()),
            y: height * (0.5 + 0.3 * (1.3 * angle).sin()),
            radius: height * (0.08 + 0.1 * place),
            hue: place,
        }
    }

    fn holds(&self, x: f32, y: f32) -> bool {
        (x - self.x).powi(2) + (y - self.y).powi(2) < self.radius.powi(2)
    }

    /// Striped, so that movement is visible.
    fn color(&self, x: f32, y: f32) -> [u8; 3] {
        let stripe = ((x - self.x + y - self.y) * 0.4).sin() * 40.0;
        let tone = |shift: f32| 128.0 + 70.0 * (6.3 * (self.hue + shift)).sin() + stripe;
        [tone(0.0), tone(0.33), tone(0.66)].map(|value| value.clamp(0.0, 255.0) as u8)
    }
}
