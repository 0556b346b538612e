use super::*;

#[test]
fn the_worst_element_is_found() {
    let difference = compare(&[1.0, 2.5, -3.0], &[1.0, 2.0, -3.25]);
    assert_eq!(difference, Difference { max_abs: 0.5, at: 1 });
}

#[test]
fn equal_numbers_infinities_and_nans_do_not_differ() {
    let values = [0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    assert_eq!(compare(&values, &values).max_abs, 0.0);
    assert_eq!(compare(&[0.0], &[-0.0]).max_abs, 0.0);
    assert_eq!(compare(&[], &[]).max_abs, 0.0);
}

#[test]
fn one_nan_or_infinity_is_never_close() {
    let difference = compare(&[9.0, f32::NAN], &[0.0, 1.0]);
    assert!(difference.max_abs.is_nan() && difference.at == 1);
    assert_eq!(compare(&[f32::INFINITY], &[f32::NEG_INFINITY]).max_abs, f64::INFINITY);
}

#[test]
#[should_panic(expected = "logits: element 0 of 1: expected 1, found NaN")]
fn a_nan_fails_the_assertion() {
    assert_close("logits", &[f32::NAN], &[1.0], f64::INFINITY);
}

#[test]
#[should_panic(
    expected = "boxes: element 1 of 2: expected 2, found 2.5 (off by 5e-1, allowed 1e-3)"
)]
fn a_large_difference_fails_with_the_numbers() {
    assert_close_f64("boxes", &[1.0, 2.5], &[1.0, 2.0], 1e-3);
}

#[test]
#[should_panic(expected = "masks: expected 3 elements, found 2")]
fn different_lengths_fail() {
    assert_close("masks", &[1.0, 2.0], &[1.0, 2.0, 3.0], 1.0);
}

#[test]
fn the_tolerance_itself_is_allowed() {
    assert_close("values", &[1.5], &[1.0], 0.5);
}
