use super::*;
use crate::Array;

fn state(entries: &[(&str, &[f32])]) -> StateDict {
    let array = |values: &[f32]| Array::from_f32(&[values.len()], values).unwrap();
    entries.iter().map(|(name, values)| ((*name).to_owned(), array(values))).collect()
}

#[test]
fn every_kind_of_difference_is_told() {
    let first = state(&[
        ("same", &[1.0, f32::NAN]),
        ("zero", &[0.0]),
        ("near", &[1.0, 2.0, 3.0]),
        ("far", &[0.0]),
        ("gone", &[1.0]),
        ("shape", &[1.0]),
    ]);
    let second = state(&[
        ("same", &[1.0, f32::NAN]),
        ("zero", &[-0.0]),
        ("near", &[1.0, 2.5, 2.0]),
        ("far", &[8.0]),
        ("new", &[1.0]),
        ("shape", &[1.0, 2.0]),
    ]);
    let diff = diff(&first, &second);
    assert_eq!(diff.equal, 2);
    assert_eq!(
        (diff.only_first, diff.only_second),
        (vec!["gone".to_owned()], vec!["new".to_owned()])
    );
    assert_eq!(
        diff.incompatible,
        [("shape".to_owned(), "float32 [1] against float32 [2]".to_owned())]
    );
    let changed = |name: &str, max_abs, num_elements| Changed {
        name: name.to_owned(),
        max_abs,
        num_elements,
    };
    assert_eq!(diff.changed, [changed("far", 8.0, 1), changed("near", 1.0, 2)]);
}

#[test]
fn a_number_that_was_lost_comes_first() {
    let diff = diff(
        &state(&[("a", &[0.0]), ("b", &[1.0, 0.0])]),
        &state(&[("a", &[9.0]), ("b", &[f32::NAN, 5.0])]),
    );
    assert_eq!(diff.changed[0].name, "b");
    assert!(diff.changed[0].max_abs.is_nan() && !diff.is_empty());
}

#[test]
fn equal_weights_differ_in_nothing() {
    let weights = state(&[("a", &[1.0])]);
    assert!(diff(&weights, &weights).is_empty());
}
