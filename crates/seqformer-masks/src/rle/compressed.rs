//! COCO's text form of the runs.
//!
//! Reference: COCO `maskApi.c`, `rleToString` and `rleFrString`. From the fourth run on, the
//! difference to the run two before is stored. Numbers have five bits per character, lowest first,
//! with a continuation bit, and the sign in the last group.

mod blocks;

use crate::MaskError;

const FIRST_CHARACTER: u8 = b'0';
const LAST_CHARACTER: u8 = b'o';
const MORE_FOLLOWS: u8 = 0x20;
const SIGN: u8 = 0x10;
/// Seven groups carry 35 bits, enough for every difference of two 32-bit runs.
const MAX_GROUPS: usize = 7;

/// Parses run lengths into `counts`, replacing its content.
pub(super) fn parse(text: &str, counts: &mut Vec<u32>) -> Result<(), MaskError> {
    // The second, slower pass only finds the error.
    if blocks::parse(text.as_bytes(), counts).is_some() {
        Ok(())
    } else {
        parse_plainly(text, counts)
    }
}

/// Parses run lengths number by number.
fn parse_plainly(text: &str, counts: &mut Vec<u32>) -> Result<(), MaskError> {
    counts.clear();
    let mut position = 0;
    while position < text.len() {
        let index = counts.len();
        let (difference, num_groups) = parse_number(text, position, index)?;
        let before = if index > 2 { counts[index - 2] } else { 0 };
        let value = difference + i64::from(before);
        counts.push(u32::try_from(value).or(Err(MaskError::RunRange { index }))?);
        position += num_groups;
    }
    Ok(())
}

/// Parses the number at `position`, and returns its number of characters.
fn parse_number(text: &str, position: usize, index: usize) -> Result<(i64, usize), MaskError> {
    let mut value = 0_i64;
    for (group, &byte) in text.as_bytes()[position..].iter().enumerate() {
        if !(FIRST_CHARACTER..=LAST_CHARACTER).contains(&byte) {
            let position = position + group;
            // Everything before is ASCII, so a character starts here.
            let found = text[position..].chars().next().unwrap_or_default();
            return Err(MaskError::Character { position, found });
        }
        if group == MAX_GROUPS {
            return Err(MaskError::RunRange { index });
        }
        let bits = byte - FIRST_CHARACTER;
        value |= i64::from(bits & 0x1f) << (5 * group);
        if bits & MORE_FOLLOWS == 0 {
            if bits & SIGN != 0 {
                value |= -1 << (5 * (group + 1));
            }
            return Ok((value, group + 1));
        }
    }
    Err(MaskError::UnfinishedNumber)
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
            let is_last = if bits & i64::from(SIGN) == 0 { value == 0 } else { value == -1 };
            let more = if is_last { 0 } else { MORE_FOLLOWS };
            text.push(char::from(FIRST_CHARACTER + (bits as u8 | more)));
            if is_last {
                break;
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    //! Reading by blocks against reading number by number.

    use proptest::prelude::*;

    use super::{blocks, parse, parse_plainly, write};

    fn check(text: &str) {
        let mut expected = vec![1, 2, 3];
        let outcome = parse_plainly(text, &mut expected);
        let mut found = vec![4; 5];
        assert_eq!(parse(text, &mut found), outcome, "{text}");
        if outcome.is_ok() {
            assert_eq!(found, expected, "{text}");
        }
        // The slow walk is for faults only.
        assert_eq!(blocks::parse(text.as_bytes(), &mut found).is_some(), outcome.is_ok(), "{text}");
    }

    #[test]
    fn numbers_of_every_length_are_read_at_every_place() {
        let numbers =
            ["0", "?", "P0", "nO", "PP1", "nnO", "PPP1", "ooo@", "oooO", "PPPP1", "oooooo3"];
        for place in 0..140 {
            let filler = "1".repeat(place);
            for number in numbers {
                check(&format!("{filler}{number}"));
                check(&format!("{filler}{number}{filler}{number}11"));
                check(&format!("{filler}{number}PPPPPPPP{filler}"));
                check(&format!("{filler}{number}p{filler}"));
                check(&format!("{filler}{number}é{filler}"));
                check(&format!("{filler}{number}o"));
            }
        }
    }

    proptest! {
        #[test]
        fn any_runs_are_read_back(counts in prop::collection::vec((0_u32..33, any::<u32>()), 0..300)) {
            let counts: Vec<u32> =
                counts.iter().map(|&(shift, count)| (u64::from(count) >> shift) as u32).collect();
            let text = write(&counts);
            check(&text);
            let mut found = Vec::new();
            prop_assert_eq!(parse(&text, &mut found), Ok(()));
            prop_assert_eq!(found, counts);
        }

        #[test]
        fn any_text_is_read_or_refused_for_the_same_reason(
            runs in "[0-o]{0,200}",
            rising in "[0-9`-i]{0,200}",
            at: prop::sample::Index,
            character: char,
        ) {
            for text in [runs, rising] {
                check(&text);
                let mut bad = text.clone();
                bad.insert(at.index(text.len() + 1), character);
                check(&bad);
            }
        }
    }
}
