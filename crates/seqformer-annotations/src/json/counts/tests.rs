//! The fast walk against a general parser.

use proptest::prelude::*;

use super::parse_counts;

/// Checks that the fast walk finds what a general parser finds, or nothing.
fn check(list: &str, behind: &str) -> bool {
    let text = format!("{list}{behind}");
    let mut counts = vec![7];
    let end = parse_counts(format!(":{text}").as_bytes(), 1, &mut counts);
    if let Some(end) = end.map(|end| end - 1) {
        assert_eq!(counts[0], 7, "{text}");
        let expected: Vec<u32> = serde_json::from_str(&text[..end])
            .unwrap_or_else(|error| panic!("{text} is read as {counts:?}: {error}"));
        assert_eq!(counts[1..], expected, "{text}");
    }
    end.is_some()
}

#[test]
fn what_is_not_plainly_a_list_is_left_to_others() {
    for list in ["[1]", "[0]", "[1,2]", "[1, 2]", "[0, 10, 4294967295]", "[123, 4567,89]"] {
        assert!(check(list, ""), "{list}");
        assert!(check(list, ", \"size\": [3, 4]}"), "{list}");
    }
    let filler = "1, ".repeat(20);
    for bad in [
        "",
        "1]",
        "[]",
        "[",
        "[1",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1 ,2]",
        "[ 1]",
        "[1 ]",
        "[1,  2]",
        "[1 2]",
        "[01]",
        "[1, 00]",
        "[-1]",
        "[1.0]",
        "[1e3]",
        "[4294967296]",
        "[99999999999]",
        "[1, null]",
        "[[1]]",
        "[1, \"2\"]",
        "[1\n]",
    ] {
        assert!(!check(bad, ""), "{bad}");
        assert!(
            bad.is_empty() || !check(&bad.replacen('[', &format!("[{filler}"), 1), ""),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn every_list_of_numbers_is_read(
        counts in prop::collection::vec((0_u32..33, any::<u32>()), 1..200),
        separator in prop::sample::select(vec![",", ", "]),
    ) {
        let numbers: Vec<String> =
            counts.iter().map(|&(shift, count)| (u64::from(count) >> shift).to_string()).collect();
        let list = format!("[{}]", numbers.join(separator));
        let is_read = check(&list, "}");
        prop_assert!(is_read, "{}", list);
    }

    #[test]
    fn any_text_is_read_right_or_not_at_all(text in "\\[[0-9, ]{0,200}\\]") {
        check(&text, "}]");
    }

    #[test]
    fn a_changed_byte_is_seen(
        counts in prop::collection::vec(0_u32..999, 1..60),
        at: prop::sample::Index,
        character in "[0-9, \\[\\]a\\-.]",
    ) {
        let mut text = format!("{counts:?}");
        let at = at.index(text.len());
        text.replace_range(at..=at, &character);
        check(&text, " ]}");
    }
}
