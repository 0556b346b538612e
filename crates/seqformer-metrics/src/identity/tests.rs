use super::IdentityCounts;
use crate::counts::Counts as _;
use crate::sequence::tests::sequence;

#[test]
fn one_result_stands_for_one_object() {
    let frames: &[&[(usize, usize, f64)]] =
        &[&[(0, 0, 0.8)], &[(0, 0, 0.5)], &[(0, 1, 0.8)], &[(0, 1, 0.49), (1, 1, 0.6)]];
    let scores = IdentityCounts::new(&sequence(2, 2, frames)).scores();
    // The first object with the first result in two frames, the second with the second in one.
    let expected = [
        ("IDTP", 3.0),
        ("IDFN", 2.0),
        ("IDFP", 1.0),
        ("IDR", 3.0 / 5.0),
        ("IDP", 3.0 / 4.0),
        ("IDF1", 3.0 / 4.5),
    ];
    for (name, value) in expected {
        assert!((scores.number(name).unwrap() - value).abs() < 1e-12, "{name} of {scores:?}");
    }
}

#[test]
fn an_empty_side_finds_nothing() {
    let none = usize::MAX;
    let scores = IdentityCounts::new(&sequence(1, 0, &[&[(0, none, 0.0)]])).scores();
    assert_eq!((scores.number("IDFN"), scores.number("IDF1")), (Some(1.0), Some(0.0)));
    assert!(IdentityCounts::new(&sequence(0, 0, &[])).is_empty());
}
