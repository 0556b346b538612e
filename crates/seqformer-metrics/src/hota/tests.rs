use super::HotaCounts;
use crate::counts::{Counts as _, ScoreValue, Scores};
use crate::sequence::tests::sequence;

/// One object over four frames that one result follows for two frames and another one after it.
const HANDED_OVER: &[&[(usize, usize, f64)]] =
    &[&[(0, 0, 0.8)], &[(0, 0, 0.8)], &[(0, 1, 0.8)], &[(0, 1, 0.8)]];

fn curve<'a>(scores: &'a Scores, name: &str) -> &'a [f64] {
    match &scores.0.iter().find(|score| score.name == name).unwrap().value {
        ScoreValue::Curve(values) | ScoreValue::CountCurve(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

#[test]
fn a_track_in_two_halves_is_associated_by_half() {
    let scores = HotaCounts::new(&sequence(1, 2, HANDED_OVER)).scores();
    // Up to an IoU of 0.8, which is 16 of 19 thresholds, all is found.
    for (name, found, lost) in [
        ("DetA", 1.0, 0.0),
        ("AssA", 0.5, 0.0),
        ("AssRe", 0.5, 0.0),
        ("AssPr", 1.0, 0.0),
        ("HOTA", 0.5_f64.sqrt(), 0.0),
        ("LocA", 0.8, 1.0),
        ("HOTA_TP", 4.0, 0.0),
        ("HOTA_FN", 0.0, 4.0),
        ("HOTA_FP", 0.0, 4.0),
    ] {
        for (place, value) in curve(&scores, name).iter().enumerate() {
            let expected = if place < 16 { found } else { lost };
            assert!((value - expected).abs() < 1e-12, "{name}, threshold {place}: {value}");
        }
    }
    assert!((scores.number("HOTA").unwrap() - 16.0 / 19.0 * 0.5_f64.sqrt()).abs() < 1e-12);
}

#[test]
fn nothing_found_and_nothing_to_find_are_counted() {
    let missed = HotaCounts::new(&sequence(1, 0, &[&[(0, usize::MAX, 0.0)]])).scores();
    assert_eq!(curve(&missed, "HOTA_FN"), [1.0; 19]);
    assert_eq!(curve(&missed, "LocA"), [1.0; 19]);
    let wrong = HotaCounts::new(&sequence(0, 1, &[&[(usize::MAX, 0, 0.0)]])).scores();
    assert_eq!((curve(&wrong, "HOTA_FP"), curve(&wrong, "HOTA")), (&[1.0; 19][..], &[0.0; 19][..]));
    assert!(HotaCounts::new(&sequence(0, 0, &[&[]])).is_empty());
}

#[test]
fn whole_tracks_decide_within_a_frame() {
    // In the last frame the second result lies better, but the first one has been there all along.
    let frames: &[&[(usize, usize, f64)]] =
        &[&[(0, 0, 0.9)], &[(0, 0, 0.9)], &[(0, 0, 0.6), (0, 1, 0.7)]];
    let scores = HotaCounts::new(&sequence(1, 2, frames)).scores();
    assert_eq!(curve(&scores, "AssA")[0], 1.0);
    assert_eq!(curve(&scores, "HOTA_FP")[0], 1.0);
}
