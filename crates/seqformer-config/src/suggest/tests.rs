use super::{closest, levenshtein};

#[test]
fn distances_of_known_pairs() {
    for (a, b, expected) in [("", "", 0), ("kitten", "sitting", 3), ("abc", "", 3), ("ab", "ba", 2)]
    {
        assert_eq!(levenshtein(a, b), expected, "{a} {b}");
    }
}

#[test]
fn the_closest_key_is_suggested() {
    let cases = [
        ("MODEL.SeqFormer.NUM_CLASES", Some("MODEL.SeqFormer.NUM_CLASSES")),
        ("MODEL.SEQFORMER", Some("MODEL.SeqFormer")),
        ("SOLVER.LR", None),
        ("SOLVER.BASELR", Some("SOLVER.BASE_LR")),
        ("INPUT.CLIP_LENGTH", Some("MODEL.SeqFormer.CLIP_LENGTH")),
        ("MODEL.WEIGHT", Some("MODEL.WEIGHTS")),
        ("something.else.entirely", None),
        ("", None),
    ];
    for (key, expected) in cases {
        assert_eq!(closest(key).as_deref(), expected, "{key}");
    }
}

#[test]
fn a_very_long_key_gets_no_suggestion() {
    assert_eq!(closest(&"A".repeat(1_000_000)), None);
}
