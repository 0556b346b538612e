//! Converts column-major bits to run lengths.

use seqformer_masks::{ImageSize, Rle};
use tch::Tensor;

/// The masks of one frame: one bit per pixel, column-major, lowest bit first.
#[derive(Debug)]
pub(super) struct FrameBits {
    num_masks: usize,
    /// At least the number of pixels, rounded up by kernels that write words.
    bytes_per_mask: usize,
    bytes: Vec<u8>,
}

impl FrameBits {
    /// Copies `[I, bytes]` in host memory.
    pub(super) fn new(packed: &Tensor) -> Self {
        let (num_masks, bytes_per_mask) = (packed.size()[0] as usize, packed.size()[1] as usize);
        let packed = packed.contiguous();
        let mut bytes = vec![0; packed.numel()];
        packed.copy_data(&mut bytes, packed.numel());
        Self { num_masks, bytes_per_mask, bytes }
    }

    /// The masks of all instances; a frame has `size` pixels.
    pub(super) fn encode(&self, size: ImageSize) -> Vec<Rle> {
        let each = self.bytes_per_mask;
        let code = |index: usize| {
            let counts = runs(&self.bytes[index * each..][..each], size.num_pixels());
            Rle::from_counts(size, counts).expect("the runs end with the pixels of the mask")
        };
        (0..self.num_masks).map(code).collect()
    }
}

/// Lengths of the runs of equal bits, clear ones first, of `num_pixels` pixels; the bits after them are clear.
fn runs(bytes: &[u8], num_pixels: u64) -> Vec<u32> {
    let (mut counts, mut start, mut last) = (Vec::new(), 0, 0);
    for (index, part) in bytes.chunks(8).enumerate() {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        let word = u64::from_le_bytes(word);
        // Where a bit differs from the previous one.
        let mut changes = word ^ (word << 1 | last);
        last = word >> 63;
        while changes != 0 {
            let place = 64 * index as u64 + u64::from(changes.trailing_zeros());
            if place >= num_pixels {
                break;
            }
            counts.push((place - start) as u32);
            start = place;
            changes &= changes - 1;
        }
    }
    counts.push((num_pixels - start) as u32);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use seqformer_masks::BitMask;

    #[test]
    fn runs_of_bits_are_those_of_the_mask() {
        let mut state = 7_u32;
        for (height, width) in [(1, 1), (5, 3), (8, 8), (16, 9), (13, 40)] {
            let size = ImageSize { height, width };
            for kind in 0..6 {
                let mut mask = BitMask::new(size);
                // Whole words, and one more after the pixels.
                let bytes_per_mask = 4 * size.num_pixels().div_ceil(32) as usize + 4;
                let mut bytes = vec![0_u8; bytes_per_mask];
                for place in 0..size.num_pixels() as u32 {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    // Nothing, everything, noise, and long runs.
                    let is_set = match kind {
                        0 => false,
                        1 => true,
                        2 => state >> 31 == 1,
                        _ => (place / (17 * kind)) % 2 == kind % 2,
                    };
                    mask.set(place % height, place / height, is_set);
                    bytes[place as usize / 8] |= u8::from(is_set) << (place % 8);
                }
                let bits = FrameBits { num_masks: 1, bytes_per_mask, bytes };
                assert_eq!(bits.encode(size), [Rle::encode(&mask)], "{size} {kind}");
            }
        }
    }
}
