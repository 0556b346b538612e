//! Black borders at the right and at the bottom.

use seqformer_masks::{BitMask, ImageSize};

use crate::RgbImage;

/// Returns the size of an image of `size` that is enlarged to `to`.
pub(super) fn padded(size: ImageSize, to: ImageSize) -> ImageSize {
    ImageSize { height: size.height.max(to.height), width: size.width.max(to.width) }
}

pub(super) fn image(image: &RgbImage, to: ImageSize) -> RgbImage {
    let mut enlarged = RgbImage::new(padded(image.size, to));
    let row_bytes = |size: ImageSize| 3 * size.width.max(1) as usize;
    let rows = enlarged.pixels.chunks_exact_mut(row_bytes(enlarged.size));
    for (row, from) in rows.zip(image.pixels.chunks_exact(row_bytes(image.size))) {
        row[..from.len()].copy_from_slice(from);
    }
    enlarged
}

pub(super) fn mask(mask: &BitMask, to: ImageSize) -> BitMask {
    let mut enlarged = BitMask::new(padded(mask.size(), to));
    for (y, row) in mask.rows().enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, pixel)| **pixel != 0) {
            enlarged.set(y as u32, x as u32, true);
        }
    }
    enlarged
}
