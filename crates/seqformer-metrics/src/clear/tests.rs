use super::ClearCounts;
use crate::counts::{Counts as _, Scores};
use crate::sequence::tests::sequence;

fn scores(num_truths: usize, num_results: usize, frames: &[&[(usize, usize, f64)]]) -> Scores {
    ClearCounts::new(&sequence(num_truths, num_results, frames)).scores()
}

fn check(scores: &Scores, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        let found = scores.number(name).unwrap();
        assert!((found - value).abs() < 1e-12, "{name}: expected {value}, found {found}");
    }
}

#[test]
fn a_change_of_the_result_is_a_switch() {
    let frames: &[&[(usize, usize, f64)]] =
        &[&[(0, 0, 0.8)], &[(0, 0, 0.8)], &[(0, 1, 0.8)], &[(0, 1, 0.8)]];
    check(
        &scores(1, 2, frames),
        &[
            ("TP", 4.0),
            ("IDSW", 1.0),
            ("Frag", 0.0),
            ("MT", 1.0),
            ("MOTSA", 0.75),
            ("sMOTSA", (3.2 - 1.0) / 4.0),
            ("MOTSP", 0.8),
            ("MODSA", 1.0),
        ],
    );
}

#[test]
fn a_result_that_goes_on_is_kept_though_another_lies_better() {
    let frames: &[&[(usize, usize, f64)]] = &[&[(0, 0, 0.6)], &[(0, 0, 0.6), (0, 1, 0.9)]];
    check(&scores(1, 2, frames), &[("IDSW", 0.0), ("TP", 2.0), ("FP", 1.0), ("MOTSP", 0.6)]);
    // After a frame in which it lay elsewhere, it is not kept.
    let frames: &[&[(usize, usize, f64)]] =
        &[&[(0, 0, 0.6)], &[(0, 0, 0.4)], &[(0, 0, 0.6), (0, 1, 0.9)]];
    check(&scores(1, 2, frames), &[("IDSW", 1.0), ("TP", 2.0), ("FN", 1.0), ("Frag", 1.0)]);
}

#[test]
fn a_gap_is_a_fragment_only_where_something_was_found_in_it() {
    let none = usize::MAX;
    let gap: &[&[(usize, usize, f64)]] = &[&[(0, 0, 0.7)], &[(0, none, 0.0)], &[(0, 0, 0.7)]];
    check(&scores(1, 1, gap), &[("Frag", 0.0), ("FN", 1.0), ("PT", 1.0)]);
    let elsewhere: &[&[(usize, usize, f64)]] =
        &[&[(0, 0, 0.7)], &[(0, none, 0.0), (none, 1, 0.0)], &[(0, 0, 0.7)]];
    check(&scores(1, 2, elsewhere), &[("Frag", 1.0), ("FN", 1.0), ("FP", 1.0), ("IDSW", 0.0)]);
}

#[test]
fn tracks_are_mostly_tracked_above_four_fifths_and_mostly_lost_below_one_fifth() {
    let none = usize::MAX;
    for (found, name) in [(10, "MT"), (9, "MT"), (8, "PT"), (2, "PT"), (1, "ML"), (0, "ML")] {
        let frames: Vec<Vec<(usize, usize, f64)>> =
            (0..10).map(|t| vec![if t < found { (0, 0, 0.9) } else { (0, none, 0.0) }]).collect();
        let frames: Vec<&[(usize, usize, f64)]> = frames.iter().map(Vec::as_slice).collect();
        check(&scores(1, 1, &frames), &[(name, 1.0), ("TP", f64::from(found))]);
    }
}
