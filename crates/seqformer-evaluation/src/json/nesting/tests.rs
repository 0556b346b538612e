use super::Nesting;

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
            let (first, second) = text.as_bytes().split_at(cut);
            let mut nesting = Nesting::default();
            let end = nesting
                .advance(first)
                .or_else(|| nesting.advance(second).map(|end| first.len() + end));
            assert_eq!(end, Some(value.len()), "{value} cut at {cut}");
        }
    }
}
