//! Parses valid text 64 characters at a time.
//!
//! Nearly all numbers have up to three characters. The value that each character would complete, if
//! it were the last of such a number, is computed for the whole block at once; then only the last
//! characters are visited. Longer numbers are parsed one by one.

use super::{FIRST_CHARACTER, LAST_CHARACTER, MAX_GROUPS, MORE_FOLLOWS, SIGN};

const BLOCK: usize = u64::BITS as usize;
/// Number of characters of a short number before its last one.
const BEFORE: usize = 2;
/// The bits of eight characters that are not part of a group or of [`MORE_FOLLOWS`].
const HIGH_BITS: u64 = u64::from_le_bytes([!(LAST_CHARACTER - FIRST_CHARACTER); 8]);
/// The factor from one group of five bits to the next.
const GROUP: u8 = 32;

/// A block of text, and the same text shifted by one and two characters.
#[derive(Debug)]
struct Block {
    groups: [u8; BLOCK],
    /// The preceding character.
    before: [u8; BLOCK],
    /// The character two before.
    long_before: [u8; BLOCK],
}

/// The runs so far; the text contains only differences for later ones.
#[derive(Debug)]
struct Runs<'a> {
    counts: &'a mut [u32],
    num_counts: usize,
    /// What is added to the next difference, and to the one after it.
    previous: [i64; 2],
    /// Bitwise OR of all values so far.
    all_bits: i64,
}

/// Parses run lengths into `counts`, replacing its content; `None` if the text is invalid.
pub(super) fn parse(text: &[u8], counts: &mut Vec<u32>) -> Option<()> {
    // A number has at least one character.
    counts.resize(text.len(), 0);
    let mut runs = Runs { counts, num_counts: 0, previous: [0; 2], all_bits: 0 };
    let mut offset = 0;
    while offset < BEFORE && offset < text.len() {
        let end = offset + text[offset..].iter().position(|&byte| is_last(byte))?;
        runs.push(parse_number(text, end)?)?;
        if runs.num_counts == 1 {
            // Nothing is added to the first run.
            runs.previous = [0; 2];
        }
        offset = end + 1;
    }
    // Which of the characters just before the block are not the last of their number.
    let mut more_before = 0;
    while offset < text.len() {
        let length = BLOCK.min(text.len() - offset);
        let block = Block::new(text, offset)?;
        let inside = u64::MAX >> (BLOCK - length);
        let last = bits(|index| is_last_group(block.groups[index])) & inside;
        let more = !last & inside;
        let is_long = last
            & (more << 1 | more_before >> 2)
            & (more << 2 | more_before >> 1)
            & (more << 3 | more_before);
        more_before = more >> (BLOCK - 3);
        runs.push_block(&block.short_numbers(), last, is_long, |index| {
            parse_number(text, offset + index)
        })?;
        offset += length;
    }
    let is_finished = text.last().is_none_or(|&byte| is_last(byte));
    let num_counts = runs.num_counts;
    let is_in_range = u32::try_from(runs.all_bits).is_ok();
    counts.truncate(num_counts);
    (is_finished && is_in_range).then_some(())
}

impl Runs<'_> {
    /// Appends the numbers of a block: `short_numbers` at the bits of `last`, except those that
    /// `is_long` and are read by `read_long`.
    fn push_block(
        &mut self,
        short_numbers: &[i16; BLOCK],
        mut last: u64,
        mut is_long: u64,
        read_long: impl Fn(usize) -> Option<i64>,
    ) -> Option<()> {
        loop {
            let mut short = last & (is_long & is_long.wrapping_neg()).wrapping_sub(1);
            last &= !short;
            while short != 0 {
                let index = short.trailing_zeros() as usize;
                short &= short - 1;
                self.push(short_numbers[index].into())?;
            }
            if is_long == 0 {
                return Some(());
            }
            self.push(read_long(is_long.trailing_zeros() as usize)?)?;
            is_long &= is_long - 1;
            last &= last - 1;
        }
    }

    #[inline]
    fn push(&mut self, difference: i64) -> Option<()> {
        let [before, next] = self.previous;
        let value = before + difference;
        self.previous = [next, value];
        self.all_bits |= value;
        *self.counts.get_mut(self.num_counts)? = value as u32;
        self.num_counts += 1;
        Some(())
    }
}

impl Block {
    /// The block of text from `offset` on; `None` if a character is invalid.
    ///
    /// The text is padded with zeros, which are valid characters.
    fn new(text: &[u8], offset: usize) -> Option<Self> {
        let groups = groups_at(text, offset);
        // All characters are valid if none has a bit above those of a group; eight are checked at a
        // time.
        let (words, _) = groups.as_chunks::<8>();
        let all_bits = words.iter().fold(0, |all, &word| all | u64::from_le_bytes(word));
        let is_good = all_bits & HIGH_BITS == 0;
        let (before, long_before) = (groups_at(text, offset - 1), groups_at(text, offset - 2));
        is_good.then_some(Self { groups, before, long_before })
    }

    /// Returns, at the last character of every number of up to three characters, its value.
    fn short_numbers(&self) -> [i16; BLOCK] {
        let Self { groups, before, long_before } = self;
        let more = |group: u8| if group & MORE_FOLLOWS == 0 { 0 } else { u8::MAX };
        let factor = |more: u8| 1 + (more & (GROUP - 1));
        // The last group with its sign; each group before it adds five lower bits.
        let signed = groups.map(|group| (group ^ SIGN).wrapping_sub(SIGN).cast_signed());
        let second = before.map(|group| group.saturating_sub(MORE_FOLLOWS));
        let second_factor = before.map(|group| factor(more(group)));
        let third: [u8; BLOCK] = std::array::from_fn(|index| {
            long_before[index].saturating_sub(MORE_FOLLOWS) & more(before[index])
        });
        let third_factor: [u8; BLOCK] =
            std::array::from_fn(|index| factor(more(before[index] & long_before[index])));
        std::array::from_fn(|index| {
            let [second, second_factor, third, third_factor] =
                [second[index], second_factor[index], third[index], third_factor[index]]
                    .map(i16::from);
            let value = i16::from(signed[index]).wrapping_mul(second_factor).wrapping_add(second);
            value.wrapping_mul(third_factor).wrapping_add(third)
        })
    }
}

/// Returns the groups from `offset` on, and zeros beyond the end of the text.
#[inline]
fn groups_at(text: &[u8], offset: usize) -> [u8; BLOCK] {
    let text = &text[offset..];
    let mut block = [FIRST_CHARACTER; BLOCK];
    match text.first_chunk() {
        Some(whole) => block = *whole,
        None => block[..text.len()].copy_from_slice(text),
    }
    block.map(|byte| byte.wrapping_sub(FIRST_CHARACTER))
}

/// Reads the number whose last character is at `end`, if it is not too long.
fn parse_number(text: &[u8], end: usize) -> Option<i64> {
    let before = text[..end].iter().rev().take_while(|&&byte| !is_last(byte)).count();
    if before >= MAX_GROUPS {
        return None;
    }
    let group = |byte: u8| {
        let is_character = (FIRST_CHARACTER..=LAST_CHARACTER).contains(&byte);
        is_character.then(|| i64::from((byte - FIRST_CHARACTER) % GROUP))
    };
    let sign = i64::from(SIGN);
    let last = (group(text[end])? ^ sign) - sign;
    let mut higher = text[end - before..end].iter().rev();
    higher.try_fold(last, |value, &byte| Some(value << 5 | group(byte)?))
}

/// Whether a number ends with this character.
fn is_last(byte: u8) -> bool {
    is_last_group(byte.wrapping_sub(FIRST_CHARACTER))
}

fn is_last_group(group: u8) -> bool {
    group & MORE_FOLLOWS == 0
}

/// Collects booleans into one bit per character of a block.
///
/// Written so that the compiler compares sixteen bytes at once and combines the bits of eight bytes
/// with one instruction.
#[inline]
fn bits(is_set: impl Fn(usize) -> bool) -> u64 {
    let weights: [u8; BLOCK] =
        std::array::from_fn(|index| if is_set(index) { 1 << (index % 8) } else { 0 });
    let (groups, _) = weights.as_chunks::<8>();
    let sum = |index: usize| groups[index].iter().fold(0_u8, |sum, &bit| sum.wrapping_add(bit));
    u64::from_le_bytes(std::array::from_fn(sum))
}
