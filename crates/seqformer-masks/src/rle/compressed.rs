//! COCO's text form of the runs.
//!
//! Reference: COCO `maskApi.c`, `rleToString` and `rleFrString`. From the fourth run on the
//! difference to the run two before is stored; numbers are five bits a character, lowest first,
//! with a bit for "more follows" and the sign in the last group.

use crate::MaskError;

const FIRST_CHARACTER: u8 = b'0';
const LAST_CHARACTER: u8 = b'o';
const MORE_FOLLOWS: u8 = 0x20;
const SIGN: i64 = 0x10;
/// Seven groups carry 35 bits, enough for every difference of two 32-bit runs.
const MAX_GROUPS: u32 = 7;

/// Reads the run lengths.
pub(super) fn parse(text: &str) -> Result<Vec<u32>, MaskError> {
    let mut counts: Vec<u32> = Vec::new();
    let (mut value, mut groups) = (0_i64, 0);
    for (position, byte) in text.bytes().enumerate() {
        if !(FIRST_CHARACTER..=LAST_CHARACTER).contains(&byte) {
            // Everything before is ASCII, so a character starts here.
            let found = text[position..].chars().next().unwrap_or_default();
            return Err(MaskError::Character { position, found });
        }
        let bits = byte - FIRST_CHARACTER;
        let index = counts.len();
        if groups == MAX_GROUPS {
            return Err(MaskError::RunRange { index });
        }
        value |= i64::from(bits & 0x1f) << (5 * groups);
        groups += 1;
        if bits & MORE_FOLLOWS != 0 {
            continue;
        }
        if i64::from(bits) & SIGN != 0 {
            value |= -1 << (5 * groups);
        }
        if index > 2 {
            value += i64::from(counts[index - 2]);
        }
        counts.push(u32::try_from(value).or(Err(MaskError::RunRange { index }))?);
        (value, groups) = (0, 0);
    }
    if groups > 0 {
        return Err(MaskError::UnfinishedNumber);
    }
    Ok(counts)
}

/// Writes the run lengths.
pub(super) fn write(counts: &[u32]) -> String {
    let mut text = String::with_capacity(2 * counts.len());
    for (index, &count) in counts.iter().enumerate() {
        let before = if index > 2 { counts[index - 2] } else { 0 };
        let mut value = i64::from(count) - i64::from(before);
        loop {
            let bits = value & 0x1f;
            value >>= 5;
            let is_last = if bits & SIGN == 0 { value == 0 } else { value == -1 };
            let more = if is_last { 0 } else { MORE_FOLLOWS };
            text.push(char::from(FIRST_CHARACTER + (bits as u8 | more)));
            if is_last {
                break;
            }
        }
    }
    text
}
