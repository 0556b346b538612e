//! Resizing identical to Pillow 9.5, bit by bit.
//!
//! Reference: Pillow `Resample.c` (bilinear) and `Geometry.c` (nearest); detectron2
//! `data/transforms/augmentation_impl.py`, `ResizeShortestEdge`.

mod torch;

use seqformer_masks::{BitMask, ImageSize};

use crate::RgbImage;
pub(crate) use torch::{floor_resize_mask, torchvision_size};

/// Weights are integers with this many fractional bits.
const PRECISION_BITS: u32 = 22;
const CHANNELS: usize = 3;

/// The weights of one output row or column.
#[derive(Debug)]
struct Taps {
    /// First input index.
    start: usize,
    /// One weight for each input from `start` on.
    weights: Vec<i32>,
}

/// Returns the size whose short edge is `short_edge`, or whose long edge is `max_size` if it would
/// exceed that; a `short_edge` of 0 keeps the size.
pub fn shortest_edge_size(size: ImageSize, short_edge: u32, max_size: u32) -> ImageSize {
    let (height, width) = (f64::from(size.height), f64::from(size.width));
    if short_edge == 0 || size.num_pixels() == 0 {
        return size;
    }
    let short = f64::from(short_edge);
    let scale = short / height.min(width);
    let (mut new_height, mut new_width) =
        if height < width { (short, scale * width) } else { (scale * height, short) };
    let long = new_height.max(new_width);
    if long > f64::from(max_size) {
        let shrink = f64::from(max_size) / long;
        new_height *= shrink;
        new_width *= shrink;
    }
    // Differs: never 0, which very long and thin images would become.
    let rounded = |edge: f64| ((edge + 0.5) as u32).max(1);
    ImageSize { height: rounded(new_height), width: rounded(new_width) }
}

/// Resizes with Pillow's bilinear filter, which averages over all covered pixels when shrinking.
pub fn resize_bilinear(image: &RgbImage, size: ImageSize) -> RgbImage {
    if size.num_pixels() == 0 || image.size.num_pixels() == 0 {
        return RgbImage::new(size);
    }
    // Passes that would change nothing are skipped; between them pixels have 8 bits.
    let horizontal = (size.width != image.size.width).then(|| resize_rows(image, size.width));
    let image = horizontal.as_ref().unwrap_or(image);
    if size.height == image.size.height {
        return image.clone();
    }
    resize_columns(image, size.height)
}

/// Resizes with Pillow's nearest-pixel rule.
pub fn resize_nearest_mask(mask: &BitMask, size: ImageSize) -> BitMask {
    let rows = nearest_indices(mask.size().height, size.height);
    let columns = nearest_indices(mask.size().width, size.width);
    take_pixels(mask, &rows, &columns)
}

/// Returns the mask whose pixels come from these rows and columns.
fn take_pixels(mask: &BitMask, rows: &[usize], columns: &[usize]) -> BitMask {
    let size = ImageSize { height: rows.len() as u32, width: columns.len() as u32 };
    let mut resized = BitMask::new(size);
    let from_rows: Vec<&[u8]> = mask.rows().collect();
    for (y, &from_y) in rows.iter().enumerate() {
        let Some(row) = from_rows.get(from_y) else { continue };
        for (x, &from_x) in columns.iter().enumerate() {
            if row[from_x] != 0 {
                resized.set(y as u32, x as u32, true);
            }
        }
    }
    resized
}

/// Returns the input index of every output index.
fn nearest_indices(input: u32, output: u32) -> Vec<usize> {
    let step = f64::from(input) / f64::from(output);
    let last = input.saturating_sub(1) as usize;
    // Like Pillow, add the step repeatedly: a product rounds differently.
    let positions = std::iter::successors(Some(0.5 * step), |position| Some(position + step));
    positions.take(output as usize).map(|position| (position as usize).min(last)).collect()
}

fn resize_rows(image: &RgbImage, width: u32) -> RgbImage {
    let size = ImageSize { height: image.size.height, width };
    let taps = bilinear_taps(image.size.width, width);
    let mut resized = RgbImage::new(size);
    let from_rows = image.pixels.chunks_exact(CHANNELS * image.size.width as usize);
    let rows = resized.pixels.chunks_exact_mut(CHANNELS * width as usize);
    for (from_row, row) in from_rows.zip(rows) {
        let (from_pixels, _) = from_row.as_chunks::<CHANNELS>();
        let (pixels, _) = row.as_chunks_mut::<CHANNELS>();
        for (pixel, taps) in pixels.iter_mut().zip(&taps) {
            let covered = &from_pixels[taps.start..][..taps.weights.len()];
            let [mut red, mut green, mut blue] = [ROUNDING; CHANNELS];
            for (from, &weight) in covered.iter().zip(&taps.weights) {
                red += i32::from(from[0]) * weight;
                green += i32::from(from[1]) * weight;
                blue += i32::from(from[2]) * weight;
            }
            *pixel = [red, green, blue].map(to_byte);
        }
    }
    resized
}

fn resize_columns(image: &RgbImage, height: u32) -> RgbImage {
    let size = ImageSize { height, width: image.size.width };
    let row_bytes = CHANNELS * size.width as usize;
    let mut resized = RgbImage::new(size);
    let mut sums = vec![ROUNDING; row_bytes];
    let rows = resized.pixels.chunks_exact_mut(row_bytes);
    for (row, taps) in rows.zip(bilinear_taps(image.size.height, height)) {
        sums.fill(ROUNDING);
        let covered = image.pixels.chunks_exact(row_bytes).skip(taps.start);
        for (from_row, weight) in covered.zip(taps.weights) {
            for (sum, &from) in sums.iter_mut().zip(from_row) {
                *sum += i32::from(from) * weight;
            }
        }
        for (byte, &sum) in row.iter_mut().zip(&sums) {
            *byte = to_byte(sum);
        }
    }
    resized
}

/// One half, so that shifting rounds.
const ROUNDING: i32 = 1 << (PRECISION_BITS - 1);

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

/// Returns the triangle filter's weights for every output index.
fn bilinear_taps(input: u32, output: u32) -> Vec<Taps> {
    let scale = f64::from(input) / f64::from(output);
    let filter_scale = scale.max(1.0);
    (0..output).map(|index| taps_at(index, input, scale, filter_scale)).collect()
}

fn taps_at(index: u32, input: u32, scale: f64, filter_scale: f64) -> Taps {
    // The triangle reaches one (scaled) pixel to either side.
    let support = filter_scale;
    let center = (f64::from(index) + 0.5) * scale;
    // `as` truncates toward zero, as C does; negative starts become 0.
    let start = (center - support + 0.5) as u32;
    let end = ((center + support + 0.5) as u32).min(input);
    let inverse_scale = 1.0 / filter_scale;
    let weight = |position: u32| {
        let offset = f64::from(position) - center + 0.5;
        (1.0 - (offset * inverse_scale).abs()).max(0.0)
    };
    let weights: Vec<f64> = (start..end).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    let one = f64::from(1_u32 << PRECISION_BITS);
    let integers = weights.iter().map(|weight| (weight / sum * one + 0.5) as i32).collect();
    Taps { start: start as usize, weights: integers }
}

#[cfg(test)]
mod tests;
