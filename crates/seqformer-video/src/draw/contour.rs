//! The inner rim of a mask.

use seqformer_masks::ImageSize;

use super::Region;

/// Weights of the 3-4 chamfer distance (Borgefors 1986): straight and diagonal steps.
const STRAIGHT: u32 = 3;
const DIAGONAL: u32 = 4;
/// Far from any background.
const FAR: u32 = u32::MAX / 2;

/// The pixels of `region` within `thickness` pixels of the background, in picture coordinates.
///
/// The border of the picture is no background: a cut object is drawn open there.
pub(super) fn inner_contour(
    region: &Region,
    picture: ImageSize,
    thickness: u32,
) -> Vec<(usize, usize)> {
    let distances = Distances::new(region, picture);
    let limit = thickness * STRAIGHT;
    region
        .pixels()
        .filter(|&(x, y)| distances.at(x - region.left + 1, y - region.top + 1) <= limit)
        .collect()
}

/// Distance to the background over the region's box with one pixel around it.
struct Distances {
    width: usize,
    values: Vec<u32>,
}

impl Distances {
    fn new(region: &Region, picture: ImageSize) -> Self {
        let (width, height) = (region.width + 2, region.height + 2);
        let mut values = vec![0; width * height];
        for (index, value) in values.iter_mut().enumerate() {
            let (x, y) = (index % width, index / width);
            let in_box = (1..=region.width).contains(&x) && (1..=region.height).contains(&y);
            let background = if in_box {
                !region.inside[(y - 1) * region.width + x - 1]
            } else {
                // The margin may lie outside the picture: left of column 0, or past the last one.
                let (x, y) = (region.left + x, region.top + y);
                (1..=picture.width as usize).contains(&x)
                    && (1..=picture.height as usize).contains(&y)
            };
            *value = if background { 0 } else { FAR };
        }
        let mut distances = Self { width, values };
        distances.sweep(height);
        distances
    }

    fn at(&self, x: usize, y: usize) -> u32 {
        self.values[y * self.width + x]
    }

    /// Two passes carry the distances over the whole box.
    fn sweep(&mut self, height: usize) {
        let width = self.width;
        // Neighbours as flat offsets; the margin keeps them in range, but for its own cells.
        let before =
            [(1, STRAIGHT), (width + 1, DIAGONAL), (width, STRAIGHT), (width - 1, DIAGONAL)];
        for y in 1..height - 1 {
            for x in 1..width - 1 {
                let index = y * width + x;
                let nearest = before.map(|(offset, weight)| self.values[index - offset] + weight);
                self.lower(index, nearest);
            }
        }
        for y in (1..height - 1).rev() {
            for x in (1..width - 1).rev() {
                let index = y * width + x;
                let nearest = before.map(|(offset, weight)| self.values[index + offset] + weight);
                self.lower(index, nearest);
            }
        }
    }

    fn lower(&mut self, index: usize, candidates: [u32; 4]) {
        for candidate in candidates {
            self.values[index] = self.values[index].min(candidate);
        }
    }
}
