use proptest::prelude::*;

use super::Nesting;

/// Walks through `text` cut in two, and returns where the value ends.
fn end_of(text: &str, cut: usize) -> Option<usize> {
    let (first, second) = text.as_bytes().split_at(cut);
    let mut nesting = Nesting::default();
    nesting.advance(first).or_else(|| nesting.advance(second).map(|end| first.len() + end))
}

#[test]
fn values_end_where_they_end_wherever_the_chunk_is_cut() {
    for value in [
        "\"text\"",
        "\"a \\\" quote and a \\\\\"",
        "[]",
        "[1234567890, 1234567890, 1234567890, [1234567890], 1234567890, {\"long\": \"0123456789abcdefghij\"}]",
        "{\"a\": [1, {\"b\": \"}]\\\\\"}], \"c\": \"\\u005d\"}",
    ] {
        let text = format!("{value}, [\"next\"]");
        for cut in 0..text.len() {
            assert_eq!(end_of(&text, cut), Some(value.len()), "{value} cut at {cut}");
        }
    }
}

proptest! {
    #[test]
    fn strings_end_at_the_quote_that_is_not_escaped(
        pieces in prop::collection::vec((0_usize..5, "[a-z\\[\\]{}]{0,40}", "[\"n]"), 0..30),
        cut: prop::sample::Index,
    ) {
        // An even number of backslashes leaves the quote unescaped, so one is put before it.
        let escaped = |backslashes: usize, quote: &str| "\\".repeat(2 * backslashes + 1) + quote;
        let pieces: Vec<String> =
            pieces.iter().map(|(n, plain, quote)| plain.clone() + &escaped(*n, quote)).collect();
        let inside = pieces.concat();
        let value = format!("[{{\"{inside}\\\\\": \"{}\"}}]", "\\\\".repeat(pieces.len() * 5));
        let text = format!("{value}, {{\"next\": 1}}");
        prop_assert_eq!(end_of(&text, cut.index(text.len())), Some(value.len()));
    }
}
