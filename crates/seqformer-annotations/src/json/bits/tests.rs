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
