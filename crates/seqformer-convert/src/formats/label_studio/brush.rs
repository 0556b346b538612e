//! Label Studio's code of a brush: bits of runs and words of an image with four channels.
//!
//! Reference: `@thi.ng/rle-pack`, whose format label-studio-sdk reads in `converter/brush.py`: the number of values in 32
//! bits, the bits of a value less one in 5, the bits of four kinds of lengths less one in 4 each; then pieces: one bit that says
//! whether one value is repeated, two bits for the kind of the length, the length less one, and the value or values.

use seqformer_annotations::{Fault, whole_number};
use seqformer_masks::{BitMask, ImageSize, Rle};
use serde_json::Value;

const CHANNELS: usize = 4;

/// Reads a mask in an image of `size`: the pixels whose alpha is not 0.
pub(super) fn decode(value: &Value, size: ImageSize) -> Result<Rle, Fault> {
    const MEND: &str = "export the tasks again";
    let byte = |byte: &Value| whole_number(byte).and_then(|byte| u8::try_from(byte).ok());
    let bytes: Option<Vec<u8>> =
        value.as_array().and_then(|bytes| bytes.iter().map(byte).collect());
    let bytes = bytes.ok_or_else(|| Fault::new("", "a list of bytes", "something else", MEND))?;
    let num_values = CHANNELS as u64 * size.num_pixels();
    let values = unpack(&bytes, num_values).ok_or_else(|| {
        let expected = format!("the code of an image of {size}");
        Fault::new("", expected, "another size, or a code that is cut off", MEND)
    })?;
    let alphas = values.iter().skip(CHANNELS - 1).step_by(CHANNELS).copied().collect();
    BitMask::from_bytes(size, alphas)
        .map(|mask| Rle::encode(&mask))
        .map_err(|error| Fault::of_mask(&error))
}

struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    /// Reads a number of up to 32 bits, highest bit first.
    fn read(&mut self, num_bits: u32) -> Option<u32> {
        let mut number = 0;
        for _ in 0..num_bits {
            let byte = self.bytes.get(self.position / 8)?;
            let bit = byte >> (7 - self.position % 8) & 1;
            number = number << 1 | u32::from(bit);
            self.position += 1;
        }
        Some(number)
    }
}

/// Unpacks as many values as an image of this size has; `None` if the code does not fit.
fn unpack(bytes: &[u8], num_values: u64) -> Option<Vec<u8>> {
    let mut bits = Bits { bytes, position: 0 };
    if u64::from(bits.read(32)?) != num_values {
        return None;
    }
    let value_bits = bits.read(5)? + 1;
    let mut length_bits = [0; 4];
    for length in &mut length_bits {
        *length = bits.read(4)? + 1;
    }
    let num_values = num_values as usize;
    let mut values = Vec::with_capacity(num_values);
    while values.len() < num_values {
        let is_repeated = bits.read(1)? == 1;
        let kind = bits.read(2)? as usize;
        let length = bits.read(length_bits[kind])? as usize + 1;
        if length > num_values - values.len() {
            return None;
        }
        if is_repeated {
            let value = u8::try_from(bits.read(value_bits)?).ok()?;
            values.extend(std::iter::repeat_n(value, length));
        } else {
            for _ in 0..length {
                values.push(u8::try_from(bits.read(value_bits)?).ok()?);
            }
        }
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// Packs values piece by piece; `repeats` says for each piece whether to look for a run.
    fn pack(values: &[u8], repeats: &[bool]) -> Vec<u8> {
        let mut bits = Vec::new();
        let mut push =
            |number: u32, count: u32| bits.extend((0..count).rev().map(|bit| number >> bit & 1));
        push(values.len() as u32, 32);
        push(7, 5);
        for length in [2, 3, 7, 15] {
            push(length, 4);
        }
        let mut rest = values;
        let mut repeats = repeats.iter().cycle();
        while let Some(&first) = rest.first() {
            let run = rest.iter().take_while(|&&value| value == first).count();
            let is_run = *repeats.next().unwrap();
            let length = if is_run { run } else { rest.len().min(5) };
            let kind = [8, 16, 256, 65536].iter().position(|&most| length <= most).unwrap();
            push(u32::from(is_run), 1);
            push(kind as u32, 2);
            push(length as u32 - 1, [3, 4, 8, 16][kind]);
            let (piece, behind) = rest.split_at(length);
            piece[..if is_run { 1 } else { length }]
                .iter()
                .for_each(|&value| push(u32::from(value), 8));
            rest = behind;
        }
        bits.chunks(8)
            .map(|byte| {
                byte.iter()
                    .enumerate()
                    .fold(0, |all, (place, bit)| all | (*bit as u8) << (7 - place))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_and_a_part_of_it_is_refused(
            (height, width, alphas) in (1_u32..7, 1_u32..7).prop_flat_map(|(height, width)| {
                (Just(height), Just(width), proptest::collection::vec(0_u8..2, (height * width) as usize))
            }),
            repeats in proptest::collection::vec(any::<bool>(), 1..9),
        ) {
            let size = ImageSize { height, width };
            let values: Vec<u8> = alphas.iter().flat_map(|alpha| [9, 8, 7, 255 * alpha]).collect();
            let packed = pack(&values, &repeats);
            let mask = decode(&json!(packed), size).unwrap();
            prop_assert_eq!(mask.decode().into_bytes(), alphas);
            prop_assert!(decode(&json!(packed[..packed.len() - 1]), size).is_err());
            let other = ImageSize { height: height + 1, width };
            prop_assert!(decode(&json!(packed), other).is_err());
        }
    }
}
