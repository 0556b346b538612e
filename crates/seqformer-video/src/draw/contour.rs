//! The inner contour of a mask.

use seqformer_masks::ImageSize;

use super::{MAX_CONTOUR, Region};

// The contour is no wider than distances are propagated.
const _: () = assert!((MAX_CONTOUR as usize) < 2 * STEPS[STEPS.len() - 1]);

/// Weights of the 3-4 chamfer distance (Borgefors 1986): straight and diagonal steps.
const STRAIGHT: u8 = 3;
const DIAGONAL: u8 = 4;
/// How far distances are propagated along a row, one step after the other.
const STEPS: [usize; 3] = [1, 2, 4];
/// Far from any background: further than a contour is wide; distances saturate here.
const FAR: u8 = u8::MAX;

/// The pixels of `region` within `thickness` pixels of the background, in image coordinates.
///
/// The border of the image does not count as background: objects cut off there have an open contour.
pub(super) fn inner_contour(
    region: &Region,
    picture: ImageSize,
    thickness: u32,
) -> Vec<(usize, usize)> {
    let distances = Distances::new(region, picture);
    // A contour is a few pixels wide; larger distances make no difference.
    let limit = u8::try_from(thickness).unwrap_or(FAR).saturating_mul(STRAIGHT).min(FAR - 1);
    let mut rim = Vec::new();
    for ((y, row), distances) in region.rows().zip(distances.rows().skip(1)) {
        let near =
            row.iter().zip(&distances[1..]).map(|(inside, distance)| *inside && *distance <= limit);
        rim.extend(near.enumerate().filter(|(_, near)| *near).map(|(x, _)| (region.left + x, y)));
    }
    rim
}

/// Distance to the background in the region's box with a margin of one pixel.
struct Distances {
    width: usize,
    values: Vec<u8>,
}

impl Distances {
    fn new(region: &Region, picture: ImageSize) -> Self {
        let width = region.width + 2;
        let right = region.left + region.width >= picture.width as usize;
        let bottom = region.top + region.height >= picture.height as usize;
        // The margin is background unless it lies outside the image.
        let margin = |outside: bool| if outside { FAR } else { 0 };
        let (left, right) = (margin(region.left == 0), margin(right));
        let edge = |outside: bool| {
            let mut row = vec![margin(outside); width];
            (row[0], row[width - 1]) = (row[0].max(left), row[width - 1].max(right));
            row
        };
        let mut values = edge(region.top == 0);
        for (_, row) in region.rows() {
            values.push(left);
            values.extend(row.iter().map(|inside| if *inside { FAR } else { 0 }));
            values.push(right);
        }
        values.extend(edge(bottom));
        let mut distances = Self { width, values };
        distances.sweep();
        distances
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.values.chunks_exact(self.width)
    }

    /// Two passes propagate the distances over the whole box; the margin is unchanged.
    fn sweep(&mut self) {
        let width = self.width;
        let height = self.values.len() / width;
        let mut before = vec![0; width];
        for y in 1..height - 1 {
            let (above, row) = self.values.split_at_mut(y * width);
            let row = &mut row[..width];
            lower(&above[(y - 1) * width..], row);
            for steps in STEPS {
                before.copy_from_slice(row);
                let targets = row[..width - 1].iter_mut().skip(steps);
                lower_along(targets.zip(&before), steps);
            }
        }
        for y in (1..height - 1).rev() {
            let (row, below) = self.values.split_at_mut((y + 1) * width);
            let row = &mut row[y * width..];
            lower(&below[..width], row);
            for steps in STEPS {
                before.copy_from_slice(row);
                let targets = row[1..].iter_mut().zip(before.iter().skip(1 + steps));
                lower_along(targets, steps);
            }
        }
    }
}

/// Lowers values to those reached from some steps away in the row.
///
/// After 1, 2 and 4 steps, each applied to the result of the one before, all distances of up to seven steps are exact,
/// which exceeds the width of a contour. Unlike in a sequential pass, pixels need not wait for their neighbours.
fn lower_along<'a>(pairs: impl Iterator<Item = (&'a mut u8, &'a u8)>, steps: usize) {
    let distance = steps as u8 * STRAIGHT;
    for (value, near) in pairs {
        *value = (*value).min(near.saturating_add(distance));
    }
}

/// Lowers the inner values of a row to those reached from its neighbour row.
fn lower(neighbour: &[u8], row: &mut [u8]) {
    for (value, near) in row[1..].iter_mut().zip(neighbour.windows(3)) {
        let diagonal = near[0].min(near[2]).saturating_add(DIAGONAL);
        *value = (*value).min(near[1].saturating_add(STRAIGHT)).min(diagonal);
    }
}
