//! Projections of the plane, which perspective and affine transforms share.
//!
//! A point `[x, y]` is in pixels from the outer corner of the first pixel, whose centre is at one
//! half.
//!
//! Differs: imgaug leaves this to OpenCV, which rounds coordinates to 1/32 of a pixel; here they
//! are exact, and results may differ by a few levels.

use seqformer_masks::{BitMask, ImageSize};

use super::clip::clip;
use crate::RgbImage;

/// A 3x3 matrix, row by row.
pub(super) type Matrix = [[f64; 3]; 3];

/// Pixels beyond the edge of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    /// Black.
    Black,
    /// The pixels of the edge.
    Repeated,
}

/// An invertible projection; the size of the image is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Projection {
    to_target: Matrix,
    to_source: Matrix,
}

impl Projection {
    /// Creates a projection from the matrix from source to target, unless it is singular.
    pub(super) fn from_source(to_target: Matrix) -> Option<Self> {
        Some(Self { to_target, to_source: inverse(&to_target)? })
    }

    /// Creates a projection from the matrix from target to source, unless it is singular.
    pub(super) fn from_target(to_source: Matrix) -> Option<Self> {
        Some(Self { to_target: inverse(&to_source)?, to_source })
    }

    /// Interpolates linearly between the four nearest pixels.
    pub(super) fn apply_image(&self, image: &RgbImage, border: Border) -> RgbImage {
        let size = image.size;
        let mut warped = RgbImage::new(size);
        if size.num_pixels() == 0 {
            return warped;
        }
        let (pixels, _none_left) = image.pixels.as_chunks::<3>();
        let (targets, _none_left) = warped.pixels.as_chunks_mut::<3>();
        let (width, height) = (size.width as usize, size.height as usize);
        let at_border = |x: i64, y: i64| -> [u8; 3] {
            let inner_x = x.clamp(0, width as i64 - 1);
            let inner_y = y.clamp(0, height as i64 - 1);
            if border == Border::Black && (inner_x, inner_y) != (x, y) {
                return [0; 3];
            }
            pixels[inner_y as usize * width + inner_x as usize]
        };
        self.for_each_source(size, |target, [x, y]| {
            let (x, y) = (x - 0.5, y - 0.5);
            let (column, row) = (floor(x), floor(y));
            let (right, lower) = ((x - column as f64) as f32, (y - row as f64) as f32);
            let (left, upper) = (column as usize, row as usize);
            // Negative places wrap to large ones.
            let corners = if left < width - 1 && upper < height - 1 {
                let first = upper * width + left;
                let (above, below) = (&pixels[first..first + 2], &pixels[first + width..][..2]);
                [above[0], above[1], below[0], below[1]]
            } else {
                [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(right, lower)| {
                    at_border(column.saturating_add(right), row.saturating_add(lower))
                })
            };
            targets[target] = [0, 1, 2].map(|channel| {
                let [a, b, c, d] = corners.map(|corner| f32::from(corner[channel]));
                let (above, below) = (a + right * (b - a), c + right * (d - c));
                (above + lower * (below - above) + 0.5) as u8
            });
        });
        warped
    }

    /// Uses the nearest pixel; beyond the edge there is none.
    pub(super) fn apply_mask(&self, mask: &BitMask) -> BitMask {
        let size = mask.size();
        let mut warped = BitMask::new(size);
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        self.for_each_source(size, |target, [x, y]| {
            let is_inside = x >= 0.0 && x < width && y >= 0.0 && y < height;
            if is_inside && mask.get(y as u32, x as u32) {
                let (row, column) = (target as u32 / size.width, target as u32 % size.width);
                warped.set(row, column, true);
            }
        });
        warped
    }

    /// Transforms a polygon in an image of `size` and clips it to the image.
    pub(super) fn apply_vertices(&self, vertices: &[[f64; 2]], size: ImageSize) -> Vec<[f64; 2]> {
        // Clip in homogeneous coordinates: what is inside is in front of the horizon.
        let project =
            |&[x, y]: &[f64; 2]| self.to_target.map(|row| row[0] * x + row[1] * y + row[2]);
        let mut vertices: Vec<[f64; 3]> = vertices.iter().map(project).collect();
        for (axis, side) in [(0, f64::from(size.width)), (1, f64::from(size.height))] {
            vertices = clip(&vertices, |at| at[axis]);
            vertices = clip(&vertices, |at| side * at[2] - at[axis]);
        }
        vertices.retain(|vertex| vertex[2] > 0.0);
        vertices.iter().map(|[x, y, depth]| [x / depth, y / depth]).collect()
    }

    /// Visits every pixel with its source position.
    fn for_each_source(&self, size: ImageSize, mut visit: impl FnMut(usize, [f64; 2])) {
        let mut target = 0;
        for row in 0..size.height {
            let y = f64::from(row) + 0.5;
            let start = self.to_source.map(|row| row[1] * y + row[2]);
            for column in 0..size.width {
                let x = f64::from(column) + 0.5;
                let [u, v, depth] = [0, 1, 2].map(|axis| start[axis] + self.to_source[axis][0] * x);
                visit(target, [u / depth, v / depth]);
                target += 1;
            }
        }
    }
}

/// Returns the floor of `at`; much faster than `f64::floor` on machines whose baseline has no
/// instruction for it.
fn floor(at: f64) -> i64 {
    let truncated = at as i64;
    truncated.saturating_sub(i64::from((truncated as f64) > at))
}

/// Returns the inverse, unless there is none.
fn inverse(matrix: &Matrix) -> Option<Matrix> {
    let [[a, b, c], [d, e, f], [g, h, i]] = *matrix;
    let adjugate = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ];
    let determinant = a * adjugate[0][0] + b * adjugate[1][0] + c * adjugate[2][0];
    let is_regular = determinant.is_finite() && determinant != 0.0;
    is_regular.then(|| adjugate.map(|row| row.map(|entry| entry / determinant)))
}
