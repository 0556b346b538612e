//! Crop windows.

use seqformer_masks::{BitMask, ImageSize};

use super::clip::clip;
use crate::RgbImage;

/// A window by its top left pixel and size; parts outside the image do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CropWindow {
    /// Left column.
    pub x: u32,
    /// Top row.
    pub y: u32,
    /// Height and width.
    pub size: ImageSize,
}

impl CropWindow {
    /// Returns the part of the window inside an image of `image` size.
    pub(super) fn clipped(self, image: ImageSize) -> Self {
        let (x, y) = (self.x.min(image.width), self.y.min(image.height));
        let height = self.size.height.min(image.height - y);
        let width = self.size.width.min(image.width - x);
        Self { x, y, size: ImageSize { height, width } }
    }

    pub(super) fn apply_image(self, image: &RgbImage) -> RgbImage {
        let Self { x, y, size } = self.clipped(image.size);
        let columns = 3 * x as usize..3 * (x + size.width) as usize;
        let rows = image.pixels.chunks_exact(3 * image.size.width.max(1) as usize);
        let rows = rows.skip(y as usize).take(size.height as usize);
        RgbImage { size, pixels: rows.flat_map(|row| &row[columns.clone()]).copied().collect() }
    }

    pub(super) fn apply_mask(self, mask: &BitMask) -> BitMask {
        let Self { x, y, size } = self.clipped(mask.size());
        mask.crop(x, y, size).unwrap_or_else(|_cannot_be| BitMask::new(size))
    }

    /// Clips a polygon at the four edges and moves it into the window.
    ///
    /// Differs: Sutherland and Hodgman's algorithm instead of shapely's; the pieces of a polygon
    /// that is split stay connected by lines without area.
    pub(super) fn apply_vertices(self, vertices: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
        let low = [f64::from(self.x), f64::from(self.y)];
        let extent = [f64::from(self.size.width), f64::from(self.size.height)];
        let mut vertices = vertices;
        for axis in [0, 1] {
            vertices = clip(&vertices, |at| at[axis] - low[axis]);
            vertices = clip(&vertices, |at| low[axis] + extent[axis] - at[axis]);
        }
        vertices.iter().map(|&[x, y]| [x - low[0], y - low[1]]).collect()
    }
}
