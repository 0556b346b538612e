//! Mirrored images.

use crate::RgbImage;

pub(super) fn horizontal(mut image: RgbImage) -> RgbImage {
    let row_bytes = 3 * image.size.width.max(1) as usize;
    for row in image.pixels.chunks_exact_mut(row_bytes) {
        let (pixels, _none_left) = row.as_chunks_mut::<3>();
        pixels.reverse();
    }
    image
}

pub(super) fn vertical(image: &RgbImage) -> RgbImage {
    let row_bytes = 3 * image.size.width.max(1) as usize;
    let rows = image.pixels.chunks_exact(row_bytes).rev();
    RgbImage { size: image.size, pixels: rows.flatten().copied().collect() }
}
