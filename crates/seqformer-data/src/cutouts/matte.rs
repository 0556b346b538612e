//! Cuts an object out of a picture.

use seqformer_masks::{BitMask, ImageSize};

use super::layer::Layer;
use crate::RgbImage;

/// Pixels around the box of an object that belong to its cut-out.
const MARGIN: u32 = 2;
/// Smoothed masks of this value and less are transparent.
const TRANSPARENT: f32 = 0.35;
/// From transparent to opaque. Half opaque is 0.6, slightly inside the outline: outlines drawn by hand often contain a
/// rim of the background.
const RAMP: f32 = 0.5;

/// The mean colour of pixels and their spread.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColorStatistics {
    mean: [f32; 3],
    /// Standard deviations.
    spread: [f32; 3],
}

/// An object with soft edges.
#[derive(Debug, Clone)]
pub(super) struct Cutout {
    /// Red, green and blue times alpha, and alpha from 0 to 1.
    pub(super) layer: Layer<4>,
    colors: ColorStatistics,
}

/// A change of colours: a factor for the contrast and a shift for each channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColorChange {
    gain: [f32; 3],
    shift: [f32; 3],
}

impl Cutout {
    /// Cuts out the pixels of `mask`; `None` for an empty mask.
    pub(super) fn of(picture: &RgbImage, mask: &BitMask) -> Option<Self> {
        let bounds = mask.bounding_box()?;
        let left = (bounds.x0 as u32).saturating_sub(MARGIN);
        let top = (bounds.y0 as u32).saturating_sub(MARGIN);
        let right = (bounds.x1 as u32 + MARGIN).min(mask.size().width);
        let bottom = (bounds.y1 as u32 + MARGIN).min(mask.size().height);
        let size = ImageSize { height: bottom - top, width: right - left };
        let window = mask.crop(left, top, size).ok()?;
        let alpha = alpha_of(&window);
        let (colors, _none_left) = picture.pixels.as_chunks::<3>();
        let mut pixels = Vec::with_capacity(alpha.len());
        for (row, alpha) in alpha.chunks_exact(size.width as usize).enumerate() {
            let start = (top as usize + row) * picture.size.width as usize + left as usize;
            for (color, &alpha) in colors[start..].iter().zip(alpha) {
                let [red, green, blue] = color.map(|value| f32::from(value) * alpha);
                pixels.push([red, green, blue, alpha]);
            }
        }
        let colors = ColorStatistics::of(&pixels);
        Some(Self { layer: Layer { size, pixels }, colors })
    }

    /// Mirrors the columns.
    pub(super) fn flip(&mut self) {
        for row in self.layer.pixels.chunks_exact_mut(self.layer.size.width as usize) {
            row.reverse();
        }
    }

    /// Returns the change that brings colours closer to those of a picture.
    pub(super) fn change_toward(&self, picture: &ColorStatistics) -> ColorChange {
        /// How far colours approach those of the picture.
        const STRENGTH: f32 = 0.35;
        const MAX_SHIFT: f32 = 28.0;
        const GAINS: [f32; 2] = [0.8, 1.2];
        let own = &self.colors;
        let gain = [0, 1, 2].map(|channel| {
            let ratio = picture.spread[channel] / own.spread[channel].max(1.0);
            (1.0 + STRENGTH * (ratio - 1.0)).clamp(GAINS[0], GAINS[1])
        });
        // One factor for all channels keeps greys grey.
        let gain = gain.iter().sum::<f32>() / 3.0;
        let shift = [0, 1, 2].map(|channel| {
            let way = STRENGTH * (picture.mean[channel] - own.mean[channel]);
            way.clamp(-MAX_SHIFT, MAX_SHIFT) + (1.0 - gain) * own.mean[channel]
        });
        ColorChange { gain: [gain; 3], shift }
    }

    /// Changes the colours.
    pub(super) fn change(&mut self, change: &ColorChange) {
        for pixel in &mut self.layer.pixels {
            let alpha = pixel[3];
            let changed = [0, 1, 2].map(|channel| {
                let value = change.gain[channel] * pixel[channel] + change.shift[channel] * alpha;
                value.clamp(0.0, 255.0 * alpha)
            });
            pixel[..3].copy_from_slice(&changed);
        }
    }
}

impl ColorStatistics {
    /// Measures colours that are multiplied by their alpha.
    pub(super) fn of(pixels: &[[f32; 4]]) -> Self {
        let mut weight = 0.0;
        let (mut sum, mut squares) = ([0.0_f64; 3], [0.0_f64; 3]);
        for pixel in pixels.iter().filter(|pixel| pixel[3] > 0.0) {
            let alpha = f64::from(pixel[3]);
            weight += alpha;
            for channel in 0..3 {
                let value = f64::from(pixel[channel]);
                sum[channel] += value;
                squares[channel] += value * value / alpha;
            }
        }
        let weight = weight.max(1e-6);
        let mean = sum.map(|sum| sum / weight);
        let spread = [0, 1, 2].map(|channel| {
            (squares[channel] / weight - mean[channel] * mean[channel]).max(0.0).sqrt() as f32
        });
        Self { mean: mean.map(|mean| mean as f32), spread }
    }
}

/// Smooths a mask with the filter 1 4 6 4 1 in both directions, and makes it steeper. The picture is continued beyond
/// its edges.
fn alpha_of(mask: &BitMask) -> Vec<f32> {
    const FILTER: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];
    let (width, height) = (mask.size().width as usize, mask.size().height as usize);
    let near = |at: usize, tap: usize, length: usize| (at + tap).saturating_sub(2).min(length - 1);
    let mut wide = Vec::with_capacity(width * height);
    for row in mask.rows() {
        wide.extend((0..width).map(|x| {
            let taps = FILTER.iter().enumerate();
            taps.map(|(tap, weight)| weight * f32::from(row[near(x, tap, width)])).sum::<f32>()
        }));
    }
    let mut alpha = Vec::with_capacity(width * height);
    for y in 0..height {
        for x in 0..width {
            let taps = FILTER.iter().enumerate();
            let sum: f32 =
                taps.map(|(tap, weight)| weight * wide[near(y, tap, height) * width + x]).sum();
            alpha.push(((sum - TRANSPARENT) / RAMP).clamp(0.0, 1.0));
        }
    }
    alpha
}
