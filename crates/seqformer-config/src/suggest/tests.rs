use super::{closest, levenshtein, neighbours};

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
fn what_was_refused_is_never_suggested() {
    assert_eq!(closest("SOLVER.BASE_LR"), None);
    assert_eq!(closest("MODEL"), None);
}

#[test]
fn the_neighbours_of_an_unknown_key_are_those_of_its_section() {
    let (section, names) = neighbours("MODEL.MASK_FORMER.DICE_WEIGHT");
    assert_eq!(section, "MODEL");
    assert!(names.contains(&"SeqFormer") && names.contains(&"WEIGHTS"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains('.')), "{names:?}");
    let (section, names) = neighbours("WANDB");
    assert_eq!(section, "");
    assert!(names.contains(&"SOLVER") && names.contains(&"SEED"), "{names:?}");
}

#[test]
fn a_very_long_key_gets_no_suggestion() {
    assert_eq!(closest(&"A".repeat(1_000_000)), None);
}
