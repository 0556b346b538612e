//! Lists of run lengths, which make up almost all of an annotation's text.

use super::bits::{BLOCK_BYTES, bits, block_at};

/// Number of preceding bytes that decide whether a byte is valid in its place.
const BEFORE: usize = 2;

/// What the bytes of a block are, one bit for each.
#[derive(Debug)]
struct Digits {
    digits: u64,
    /// What cannot follow the bytes before it.
    misplaced: u64,
}

/// Appends the numbers of the list that begins at `start`, and returns the end of its text.
///
/// Returns `None` for anything but a plain list of numbers below 2³² separated by `,` or `, `; the
/// list may be valid nevertheless. Some numbers may have been appended even then.
pub(super) fn parse_counts(text: &[u8], start: usize, counts: &mut Vec<u32>) -> Option<usize> {
    // A list that nothing precedes is not part of an element.
    if text.get(start) != Some(&b'[') || start == 0 {
        return None;
    }
    let mut first_digit = 0;
    let mut after_digit = 0;
    for offset in (start + 1..text.len()).step_by(BLOCK_BYTES) {
        let mut padded = [0; BEFORE + BLOCK_BYTES];
        let block = block_at(text, offset - BEFORE, &mut padded);
        let Digits { digits, misplaced } = Digits::new(block);
        let close = misplaced.trailing_zeros();
        let inside = 1_u64.checked_shl(close).map_or(u64::MAX, |bit| bit - 1);
        let digits = digits & inside;
        let behind_digit = digits << 1 | after_digit;
        let (mut starts, mut ends) = (digits & !behind_digit, !digits & behind_digit);
        // A number that continues from the previous block has its first digit there.
        if after_digit == 0 {
            first_digit = offset + take_lowest(&mut starts);
        }
        after_digit = digits >> (u64::BITS - 1);
        // Writing to reserved places is faster than repeated `push`.
        let first_count = counts.len();
        counts.resize(first_count + ends.count_ones() as usize, 0);
        for count in &mut counts[first_count..] {
            let end = offset + take_lowest(&mut ends);
            *count = parse_number(text, first_digit, end)?;
            first_digit = offset + take_lowest(&mut starts);
        }
        if close < u64::BITS {
            // The list ends after a number, or it is invalid.
            let end = offset + close as usize;
            let is_closed = text.get(end) == Some(&b']') && text[end - 1].is_ascii_digit();
            return is_closed.then_some(end + 1);
        }
    }
    None
}

impl Digits {
    /// Classifies a block, given the bytes before it.
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without branches the compiler compares sixteen bytes at once"
    )]
    fn new(bytes: &[u8; BEFORE + BLOCK_BYTES]) -> Self {
        let is_placed = |index: usize| {
            let [before, previous, byte] = [bytes[index], bytes[index + 1], bytes[index + 2]];
            let is_leading_zero = (previous == b'0') & !before.is_ascii_digit();
            byte.is_ascii_digit() & !is_leading_zero
                | (byte == b',') & previous.is_ascii_digit()
                | (byte == b' ') & (previous == b',')
        };
        Self {
            digits: bits(|index| bytes[index + BEFORE].is_ascii_digit()),
            misplaced: !bits(is_placed),
        }
    }
}

/// Clears the lowest set bit and returns its index.
fn take_lowest(bits: &mut u64) -> usize {
    let index = bits.trailing_zeros();
    *bits &= bits.wrapping_sub(1);
    index as usize
}

/// Returns the number with the digits `text[start..end]`, if it fits.
#[inline]
fn parse_number(text: &[u8], start: usize, end: usize) -> Option<u32> {
    const SHORT: usize = size_of::<u32>();
    let num_digits = end.checked_sub(start)?;
    match text.get(start..).and_then(<[u8]>::first_chunk::<SHORT>) {
        Some(&word) if (1..=SHORT).contains(&num_digits) => {
            // The digits move to the end of the word, with zeros before them.
            let digits = u32::from_le_bytes(word) << (8 * (SHORT - num_digits)) & 0x0f0f_0f0f;
            // First pairs of digits, then the pair of pairs; every byte and half has room.
            let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff;
            Some(pairs.wrapping_mul(100 << 16 | 1) >> 16)
        }
        _ => std::str::from_utf8(text.get(start..end)?).ok()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
