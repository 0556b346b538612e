//! Shrinks images for display. The model's input is resized elsewhere, exactly.

use seqformer_data::RgbImage;
use seqformer_masks::ImageSize;

/// Resizes by averaging the pixels that cover each new one.
pub(crate) fn shrink(image: &RgbImage, size: ImageSize) -> RgbImage {
    if image.size == size || image.pixels.is_empty() {
        return image.clone();
    }
    let spans = |from: u32, to: u32| -> Vec<(usize, usize)> {
        let (from, to) = (from as usize, to as usize);
        (0..to).map(|i| (i * from / to, ((i + 1) * from).div_ceil(to))).collect()
    };
    let columns = spans(image.size.width, size.width);
    let row_bytes = image.size.width as usize * 3;
    let mut pixels = Vec::with_capacity(columns.len() * size.height as usize * 3);
    for (top, bottom) in spans(image.size.height, size.height) {
        for &(left, right) in &columns {
            let mut sums = [0_u32; 3];
            for row in image.pixels[top * row_bytes..bottom * row_bytes].chunks_exact(row_bytes) {
                for pixel in row[left * 3..right * 3].chunks_exact(3) {
                    for (sum, value) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
            }
            let count = ((bottom - top) * (right - left)) as u32;
            pixels.extend(sums.map(|sum| ((sum + count / 2) / count) as u8));
        }
    }
    RgbImage { size, pixels }
}

#[cfg(test)]
mod tests;
