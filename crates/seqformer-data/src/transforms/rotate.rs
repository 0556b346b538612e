//! Rotation in the plane.
//!
//! Reference: detectron2 `RotationTransform` without expansion, and OpenCV 4.5 `warpAffine` with
//! its fixed-point coordinates: 10 fractional bits, of which linear interpolation uses 5.

use seqformer_masks::{BitMask, ImageSize};

use crate::RgbImage;

const COORDINATE_BITS: u32 = 10;
const INTERPOLATION_BITS: u32 = 5;

/// A rotation that keeps the size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotation {
    /// Counter-clockwise.
    pub degrees: f64,
    /// The fixed point, `[x, y]`.
    pub center: [f64; 2],
}

/// Row by row, the factors of x and y and the offset.
type Affine = [[f64; 3]; 2];

impl Rotation {
    pub(super) fn apply_image(self, image: RgbImage) -> RgbImage {
        if self.is_identity() {
            return image;
        }
        let size = image.size;
        let (pixels, _none_left) = image.pixels.as_chunks::<3>();
        let mut rotated = RgbImage::new(size);
        let (targets, _none_left) = rotated.pixels.as_chunks_mut::<3>();
        let source = |x: i32, y: i32| index(size, x, y).map_or([0; 3], |index| pixels[index]);
        self.for_each_source(size, INTERPOLATION_BITS, |target, [x, y]| {
            const ONE: i32 = 1 << INTERPOLATION_BITS;
            let (right, lower) = (x & (ONE - 1), y & (ONE - 1));
            let (x, y) = (x >> INTERPOLATION_BITS, y >> INTERPOLATION_BITS);
            let taps = [
                (source(x, y), (ONE - right) * (ONE - lower)),
                (source(x + 1, y), right * (ONE - lower)),
                (source(x, y + 1), (ONE - right) * lower),
                (source(x + 1, y + 1), right * lower),
            ];
            targets[target] = [0, 1, 2].map(|channel| {
                let tap = |&(pixel, weight): &([u8; 3], i32)| i32::from(pixel[channel]) * weight;
                let sum: i32 = taps.iter().map(tap).sum();
                // Half of the scale, so that shifting rounds.
                ((sum + (ONE * ONE) / 2) >> (2 * INTERPOLATION_BITS)) as u8
            });
        });
        rotated
    }

    pub(super) fn apply_mask(self, mask: BitMask) -> BitMask {
        if self.is_identity() {
            return mask;
        }
        let size = mask.size();
        let mut rotated = BitMask::new(size);
        self.for_each_source(size, 0, |target, [x, y]| {
            if index(size, x, y).is_some_and(|index| mask.as_bytes()[index] != 0) {
                let (row, column) = (target as u32 / size.width, target as u32 % size.width);
                rotated.set(row, column, true);
            }
        });
        rotated
    }

    pub(super) fn apply_vertices(self, vertices: &mut [[f64; 2]]) {
        if self.is_identity() {
            return;
        }
        let matrix = self.matrix(0.0);
        for vertex in vertices {
            let [x, y] = *vertex;
            *vertex = matrix.map(|row| row[0] * x + row[1] * y + row[2]);
        }
    }

    fn is_identity(self) -> bool {
        self.degrees % 360.0 == 0.0
    }

    /// OpenCV's `getRotationMatrix2D`, with the centre moved by `offset`.
    fn matrix(self, offset: f64) -> Affine {
        // OpenCV takes the centre as f32.
        let [x, y] = self.center.map(|at| f64::from((at + offset) as f32));
        let angle = self.degrees * std::f64::consts::PI / 180.0;
        let (alpha, beta) = (angle.cos(), angle.sin());
        [[alpha, beta, (1.0 - alpha) * x - beta * y], [-beta, alpha, beta * x + (1.0 - alpha) * y]]
    }

    /// Visits every pixel with its source position `[x, y]`, which has `fraction_bits` fractional
    /// bits.
    fn for_each_source(
        self,
        size: ImageSize,
        fraction_bits: u32,
        mut visit: impl FnMut(usize, [i32; 2]),
    ) {
        // The centres of pixels are half a pixel further than OpenCV assumes.
        let inverse = inverse(self.matrix(-0.5));
        let fixed = |value: f64| (value * f64::from(1 << COORDINATE_BITS)).round_ties_even() as i32;
        let shift = COORDINATE_BITS - fraction_bits;
        let half = 1 << (shift - 1);
        let along_row: Vec<[i32; 2]> =
            (0..size.width).map(|x| inverse.map(|row| fixed(row[0] * f64::from(x)))).collect();
        let mut target = 0;
        for y in 0..size.height {
            let start = inverse.map(|row| fixed(row[1] * f64::from(y) + row[2]) + half);
            for step in &along_row {
                visit(target, [(start[0] + step[0]) >> shift, (start[1] + step[1]) >> shift]);
                target += 1;
            }
        }
    }
}

/// Inverts as OpenCV's `warpAffine` does.
fn inverse([[a, b, x], [c, d, y]]: Affine) -> Affine {
    let determinant = a * d - b * c;
    let scale = if determinant == 0.0 { 0.0 } else { 1.0 / determinant };
    let (a, b, c, d) = (d * scale, b * -scale, c * -scale, a * scale);
    [[a, b, -a * x - b * y], [c, d, -c * x - d * y]]
}

/// Returns the index of a pixel; `None` outside the image.
fn index(size: ImageSize, x: i32, y: i32) -> Option<usize> {
    let (x, y) = (u32::try_from(x).ok()?, u32::try_from(y).ok()?);
    let inside = x < size.width && y < size.height;
    inside.then(|| y as usize * size.width as usize + x as usize)
}
