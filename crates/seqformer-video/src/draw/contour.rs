//! The inner rim of a mask.

use seqformer_masks::ImageSize;

use super::Region;

/// Weights of the 3-4 chamfer distance (Borgefors 1986): straight and diagonal steps.
const STRAIGHT: u8 = 3;
const DIAGONAL: u8 = 4;
/// Far from any background: farther than the rim is wide, and distances never grow beyond it.
const FAR: u8 = u8::MAX;

/// The pixels of `region` within `thickness` pixels of the background, in picture coordinates.
///
/// The border of the picture is no background: a cut object is drawn open there.
pub(super) fn inner_contour(
    region: &Region,
    picture: ImageSize,
    thickness: u32,
) -> Vec<(usize, usize)> {
    let distances = Distances::new(region, picture);
    // A rim is a few pixels wide; beyond the largest distance there is no difference.
    let limit = u8::try_from(thickness).unwrap_or(FAR).saturating_mul(STRAIGHT).min(FAR - 1);
    let mut rim = Vec::new();
    for ((y, row), distances) in region.rows().zip(distances.rows().skip(1)) {
        let near =
            row.iter().zip(&distances[1..]).map(|(inside, distance)| *inside && *distance <= limit);
        rim.extend(near.enumerate().filter(|(_, near)| *near).map(|(x, _)| (region.left + x, y)));
    }
    rim
}

/// Distance to the background over the region's box with one pixel around it.
struct Distances {
    width: usize,
    values: Vec<u8>,
}

impl Distances {
    fn new(region: &Region, picture: ImageSize) -> Self {
        let width = region.width + 2;
        let right = region.left + region.width >= picture.width as usize;
        let bottom = region.top + region.height >= picture.height as usize;
        // The margin is background unless it lies outside the picture.
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

    /// Two passes carry the distances over the whole box; the margin stays as it is.
    fn sweep(&mut self) {
        let width = self.width;
        let height = self.values.len() / width;
        for y in 1..height - 1 {
            let (above, row) = self.values.split_at_mut(y * width);
            lower(&above[(y - 1) * width..], &mut row[..width]);
            for x in 1..width - 1 {
                row[x] = row[x].min(row[x - 1].saturating_add(STRAIGHT));
            }
        }
        for y in (1..height - 1).rev() {
            let (row, below) = self.values.split_at_mut((y + 1) * width);
            let row = &mut row[y * width..];
            lower(&below[..width], row);
            for x in (1..width - 1).rev() {
                row[x] = row[x].min(row[x + 1].saturating_add(STRAIGHT));
            }
        }
    }
}

/// Lowers the inner values of a row to what is nearer over its neighbour row.
fn lower(neighbour: &[u8], row: &mut [u8]) {
    for (value, near) in row[1..].iter_mut().zip(neighbour.windows(3)) {
        let diagonal = near[0].min(near[2]).saturating_add(DIAGONAL);
        *value = (*value).min(near[1].saturating_add(STRAIGHT)).min(diagonal);
    }
}
