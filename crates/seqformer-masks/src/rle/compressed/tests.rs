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
    let numbers = ["0", "?", "P0", "nO", "PP1", "nnO", "PPP1", "ooo@", "oooO", "PPPP1", "oooooo3"];
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
