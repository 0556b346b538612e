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
mod tests {
    use super::*;

    #[test]
    fn blocks_are_averaged() {
        let image = RgbImage {
            size: ImageSize { height: 2, width: 4 },
            pixels: [0, 10, 20, 30, 2, 12, 22, 34].iter().flat_map(|value| [*value; 3]).collect(),
        };
        let half = shrink(&image, ImageSize { height: 1, width: 2 });
        assert_eq!(half.pixels, [6, 6, 6, 27, 27, 27]); // 24 / 4 and 106 / 4
        assert_eq!(shrink(&image, image.size), image);
    }

    #[test]
    fn every_size_gives_a_full_picture_of_its_own_values() {
        let size = ImageSize { height: 7, width: 11 };
        let image = RgbImage { size, pixels: vec![9; 7 * 11 * 3] };
        for (height, width) in [(1, 1), (3, 5), (7, 10), (20, 30)] {
            let resized = shrink(&image, ImageSize { height, width });
            assert_eq!(resized.pixels, vec![9; (height * width * 3) as usize]);
        }
    }
}
