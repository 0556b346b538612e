//! Blur along a line, as from a moving camera.
//!
//! Reference: imgaug 0.4 `MotionBlur`, and OpenCV's `filter2D` with its reflected border.

use seqformer_masks::ImageSize;

use super::affine::Affine;
use crate::RgbImage;

/// A weighted mean along a line, with weights that increase from one end to the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotionBlur {
    /// Length of the line in pixels; odd.
    pub kernel_size: u32,
    /// Clockwise from upright.
    pub degrees: f64,
    /// From -1, where the lower end of the upright line has all the weight, to 1, where the upper
    /// end has it; with 0 all pixels have equal weights.
    pub direction: f64,
}

/// One pixel of the kernel: its offset and weight.
#[derive(Debug, Clone, Copy)]
struct Tap {
    x: i64,
    y: i64,
    weight: f32,
}

impl MotionBlur {
    pub(super) fn apply(self, image: RgbImage) -> RgbImage {
        let ImageSize { height, width } = image.size;
        if image.pixels.is_empty() {
            return image;
        }
        let taps = self.taps();
        let reach = i64::from(self.kernel_size / 2);
        let columns: Vec<usize> =
            (-reach..i64::from(width) + reach).map(|x| reflected(x, width)).collect();
        let row_bytes = 3 * width as usize;
        let mut blurred = RgbImage::new(image.size);
        let mut sums = vec![0_f32; row_bytes];
        let padded: Vec<f32> = image
            .pixels
            .chunks_exact(row_bytes)
            .flat_map(|row| columns.iter().flat_map(|&x| &row[3 * x..][..3]))
            .map(|&byte| f32::from(byte))
            .collect();
        let padded_rows: Vec<&[f32]> = padded.chunks_exact(3 * columns.len()).collect();
        for (y, row) in blurred.pixels.chunks_exact_mut(row_bytes).enumerate() {
            sums.fill(0.0);
            for tap in &taps {
                let from_row = padded_rows[reflected(y as i64 + tap.y, height)];
                let from_row = &from_row[3 * (tap.x + reach) as usize..];
                for (sum, from) in sums.iter_mut().zip(from_row) {
                    *sum += tap.weight * from;
                }
            }
            for (byte, sum) in row.iter_mut().zip(&sums) {
                *byte = sum.round_ties_even() as u8;
            }
        }
        blurred
    }

    /// Returns the kernel without its zeros; the weights sum up to 1.
    fn taps(self) -> Vec<Tap> {
        let side = self.kernel_size.max(1) | 1;
        let last = f64::from(side - 1).max(1.0);
        let upper = f64::midpoint(self.direction.clamp(-1.0, 1.0), 1.0);
        // As in the reference, the kernel is rotated as an image with bytes for pixels.
        let mut kernel = RgbImage::new(ImageSize { height: side, width: side });
        for row in 0..side {
            let weight = upper + f64::from(row) / last * (1.0 - 2.0 * upper);
            let middle = (row * side + side / 2) as usize;
            kernel.pixels[3 * middle..][..3].fill((255.0 * weight) as u8);
        }
        let kernel = Affine { degrees: self.degrees, translation: [0.0; 2] }.apply_image(kernel);
        let (pixels, _none_left) = kernel.pixels.as_chunks::<3>();
        let total: f32 = pixels.iter().map(|pixel| f32::from(pixel[0])).sum();
        let reach = i64::from(side / 2);
        let at = |index: usize| {
            let (x, y) = (index as i64 % i64::from(side), index as i64 / i64::from(side));
            (x - reach, y - reach)
        };
        let tap = |(index, pixel): (usize, &[u8; 3])| {
            let (x, y) = at(index);
            Tap { x, y, weight: f32::from(pixel[0]) / total }
        };
        pixels.iter().enumerate().map(tap).filter(|tap| tap.weight > 0.0).collect()
    }
}

/// Returns the pixel inside that corresponds to `at`: the image is mirrored at its outermost
/// pixels, which are not repeated.
fn reflected(at: i64, length: u32) -> usize {
    let last = i64::from(length) - 1;
    if last == 0 {
        return 0;
    }
    let around = at.rem_euclid(2 * last);
    around.min(2 * last - around) as usize
}
