//! Pixels that lie in memory as the runs go, column by column.

/// How many pixels are compared at once.
const BLOCK: usize = 32;

/// Returns the positions of pixels that differ from the previous one, the first from a clear one.
pub(super) fn changes(pixels: &[u8]) -> Vec<u64> {
    let mut changes = Vec::new();
    let mut position = 0;
    let mut is_set = false;
    loop {
        position += run_length(&pixels[position..], is_set);
        if position == pixels.len() {
            return changes;
        }
        changes.push(position as u64);
        is_set = !is_set;
    }
}

/// Returns how many pixels at the start are set, or are clear.
fn run_length(pixels: &[u8], is_set: bool) -> usize {
    let is_same = |pixel: &u8| (*pixel != 0) == is_set;
    let (blocks, _rest) = pixels.as_chunks::<BLOCK>();
    let is_whole =
        |block: &&[u8; BLOCK]| block.iter().fold(true, |all, pixel| all & is_same(pixel));
    let skipped = BLOCK * blocks.iter().take_while(is_whole).count();
    let rest = &pixels[skipped..];
    skipped + rest.iter().position(|pixel| !is_same(pixel)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{BitMask, ImageSize, Rle};

    proptest! {
        #[test]
        fn both_orders_of_pixels_give_the_same_runs(
            height in 0_u32..40,
            runs in prop::collection::vec((0_usize..90, any::<u8>()), 0..40),
        ) {
            let mut columns: Vec<u8> =
                runs.iter().flat_map(|&(length, value)| std::iter::repeat_n(value % 3, length)).collect();
            let width = columns.len() as u32 / height.max(1);
            let size = ImageSize { height, width };
            columns.truncate(size.num_pixels() as usize);
            let at = |y: u32, x: u32| columns[(x * height + y) as usize];
            let rows = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
            let rows: Vec<u8> = rows.map(|(y, x)| at(y, x)).collect();
            let expected = Rle::encode(&BitMask::from_bytes(size, rows).unwrap());
            prop_assert_eq!(Rle::encode_column_major(size, &columns), Ok(expected));
        }
    }

    #[test]
    fn another_number_of_pixels_is_an_error() {
        let size = ImageSize { height: 2, width: 3 };
        let message = Rle::encode_column_major(size, &[0; 5]).unwrap_err().to_string();
        assert!(message.contains("expected 6 bytes, found 5"), "{message}");
    }
}
