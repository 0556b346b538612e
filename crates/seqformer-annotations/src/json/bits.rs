//! Bit masks with one bit for each of 64 bytes.

/// Number of bytes that are examined together.
pub(super) const BLOCK_BYTES: usize = u64::BITS as usize;

/// Collects booleans into one bit for each of 64 indices.
///
/// Written so that the compiler compares sixteen bytes at once and combines the bits of eight bytes
/// with one instruction.
#[inline]
pub(super) fn bits(is_set: impl Fn(usize) -> bool) -> u64 {
    let weights: [u8; BLOCK_BYTES] =
        std::array::from_fn(|index| if is_set(index) { 1 << (index % 8) } else { 0 });
    let (groups, _) = weights.as_chunks::<8>();
    let sum = |index: usize| groups[index].iter().fold(0_u8, |sum, &bit| sum.wrapping_add(bit));
    u64::from_le_bytes(std::array::from_fn(sum))
}

/// Returns the bytes from `offset` on; those beyond the end of `text` are the zeros of `padded`.
#[inline]
pub(super) fn block_at<'a, const N: usize>(
    text: &'a [u8],
    offset: usize,
    padded: &'a mut [u8; N],
) -> &'a [u8; N] {
    let rest = text.get(offset..).unwrap_or_default();
    // Text that need not be copied is read much faster.
    rest.first_chunk().unwrap_or_else(|| {
        padded[..rest.len()].copy_from_slice(rest);
        padded
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{bits, block_at};

    proptest! {
        #[test]
        fn each_bit_is_the_answer_for_its_index(word: u64) {
            prop_assert_eq!(bits(|index| word >> index & 1 == 1), word);
        }

        #[test]
        fn a_block_is_filled_up_with_zeros(
            text in prop::collection::vec(any::<u8>(), 0..200),
            offset in 0_usize..250,
        ) {
            let expected: Vec<u8> =
                text.iter().copied().skip(offset).chain([0; 64]).take(64).collect();
            prop_assert_eq!(block_at(&text, offset, &mut [0; 64]).to_vec(), expected);
        }
    }
}
