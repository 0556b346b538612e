use std::collections::{BTreeMap, BTreeSet};

use super::{TetaCounts, TetaVideo};
use crate::counts::{Counts as _, Scores};
use crate::sequence::tests::sequence;

fn teta(
    frames: &[&[(usize, usize, f64)]],
    truth_categories: &[usize],
    result_categories: &[usize],
) -> BTreeMap<usize, TetaCounts> {
    let sequence = sequence(truth_categories.len(), result_categories.len(), frames);
    let annotated: BTreeSet<usize> = truth_categories.iter().copied().collect();
    TetaVideo { sequence: &sequence, truth_categories, result_categories, annotated: &annotated }
        .counts()
}

fn check(scores: &Scores, expected: [f64; 4]) {
    for (name, value) in ["TETA", "LocA", "AssocA", "ClsA"].into_iter().zip(expected) {
        let found = scores.number(name).unwrap();
        assert!((found - value).abs() < 1e-12, "{name}: expected {value}, found {found}");
    }
}

#[test]
fn a_wrong_class_costs_the_classification_alone() {
    let frames: &[&[(usize, usize, f64)]] = &[&[(0, 0, 1.0)], &[(0, 0, 1.0)]];
    check(&teta(frames, &[3], &[3])[&3].scores(), [1.0, 1.0, 1.0, 1.0]);
    let counts = teta(frames, &[3], &[4]);
    check(&counts[&3].scores(), [2.0 / 3.0, 1.0, 1.0, 0.0]);
    // A class without annotations is not scored.
    assert!(!counts.contains_key(&4));
}

#[test]
fn results_far_from_all_objects_count_for_their_class_alone() {
    let frames: &[&[(usize, usize, f64)]] = &[&[(0, 0, 1.0), (0, 1, 0.1)]];
    let scores = teta(frames, &[3], &[3, 3])[&3].scores();
    check(&scores, [2.5 / 3.0, 1.0, 1.0, 0.5]);
    // Two in one place are one too many.
    let frames: &[&[(usize, usize, f64)]] = &[&[(0, 0, 1.0), (0, 1, 0.6)]];
    let scores = teta(frames, &[3], &[3, 3])[&3].scores();
    check(&scores, [2.5 / 3.0, 0.5, 1.0, 1.0]);
}

#[test]
fn a_result_that_stands_for_an_object_of_another_class_is_none_too_many() {
    // Both objects lie so close that each result is near to both of them.
    let frames: &[&[(usize, usize, f64)]] =
        &[&[(0, 0, 0.96), (0, 1, 0.6), (1, 0, 0.6), (1, 1, 0.96)]];
    let counts = teta(frames, &[3, 5], &[3, 5]);
    for category in [3, 5] {
        assert_eq!(counts[&category].false_positives, [0.0; 20], "class {category}");
    }
}
