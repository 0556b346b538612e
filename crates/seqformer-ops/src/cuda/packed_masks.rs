//! Masks as bits, and their run lengths.

use tch::Tensor;

use super::PixelSize;

/// Masks with one bit for each pixel, in the order of columns, as COCO's run lengths are.
#[derive(Debug)]
pub struct PackedMasks {
    /// `[I, words]` on the device; the first pixel of a word is its lowest bit.
    pub(super) words: Tensor,
    pub(super) size: PixelSize,
}

impl PackedMasks {
    /// The bits, `[I, words]` of 32-bit integers: 32 pixels a word, the first in the lowest bit, no gap between columns.
    pub fn words(&self) -> &Tensor {
        &self.words
    }

    /// Height and width of the masks.
    pub fn size(&self) -> PixelSize {
        self.size
    }
}

/// COCO's run lengths of a mask with `num_pixels` pixels, clear pixels first, given its words.
///
/// Bits beyond the pixels are ignored, and words that are missing count as clear.
pub fn run_lengths(words: &[i32], num_pixels: u32) -> Vec<u32> {
    let mut counts = Vec::new();
    let (mut start, mut before) = (0, 0);
    for (index, word) in words.iter().take(num_pixels.div_ceil(32) as usize).enumerate() {
        let word = word.cast_unsigned();
        // Which pixels differ from the one before them.
        let mut changes = word ^ (word << 1 | before);
        before = word >> 31;
        while changes != 0 {
            let position = 32 * index as u32 + changes.trailing_zeros();
            if position >= num_pixels {
                break;
            }
            counts.push(position - start);
            start = position;
            changes &= changes - 1;
        }
    }
    let has_more = words.len() < num_pixels.div_ceil(32) as usize;
    if has_more && before == 1 {
        let position = 32 * words.len() as u32;
        counts.push(position - start);
        start = position;
    }
    counts.push(num_pixels - start);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixel by pixel.
    fn brute_force(words: &[i32], num_pixels: u32) -> Vec<u32> {
        let is_set = |pixel: u32| {
            let word = words.get(pixel as usize / 32).copied().unwrap_or(0);
            word.cast_unsigned() >> (pixel % 32) & 1 == 1
        };
        let (mut counts, mut run, mut set) = (Vec::new(), 0, false);
        for pixel in 0..num_pixels {
            if is_set(pixel) != set {
                counts.push(run);
                (run, set) = (0, !set);
            }
            run += 1;
        }
        counts.push(run);
        counts
    }

    #[test]
    fn runs_are_those_of_a_walk_over_all_pixels() {
        let dense: Vec<i32> =
            (0..7_i32).map(|i| i.wrapping_mul(0x9E37_79B9_u32.cast_signed())).collect();
        let all = vec![-1; 4];
        for words in [&dense[..], &all, &[0, 0, 0], &[i32::MIN, 1, 0, -1], &[1], &[]] {
            for num_pixels in [0, 1, 31, 32, 33, 63, 64, 70, 96, 127, 128, 200] {
                assert_eq!(
                    run_lengths(words, num_pixels),
                    brute_force(words, num_pixels),
                    "{words:?} with {num_pixels} pixels"
                );
            }
        }
    }
}
