//! Comparison of numbers within a tolerance.

/// The largest deviation between two lists of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// The largest absolute difference; NaN if exactly one side of a pair is NaN.
    pub max_abs: f64,
    /// Where it is.
    pub at: usize,
}

/// Finds the largest absolute difference.
///
/// Equal infinities and a pair of NaNs count as equal; a single NaN is worse than everything.
///
/// # Panics
///
/// Panics if the lengths differ.
#[track_caller]
pub fn compare(actual: &[f32], expected: &[f32]) -> Difference {
    check_lengths("values", actual.len(), expected.len());
    compare_pairs(actual.iter().zip(expected).map(|(a, b)| (f64::from(*a), f64::from(*b))))
}

/// [`compare`] in double precision.
///
/// # Panics
///
/// Panics if the lengths differ.
#[track_caller]
pub fn compare_f64(actual: &[f64], expected: &[f64]) -> Difference {
    check_lengths("values", actual.len(), expected.len());
    compare_pairs(actual.iter().copied().zip(expected.iter().copied()))
}

/// Checks that every element of `actual` is within `tolerance` of `expected`.
///
/// # Panics
///
/// Panics if not, and names `what` and the worst element.
#[track_caller]
pub fn assert_close(what: &str, actual: &[f32], expected: &[f32], tolerance: f64) {
    check_lengths(what, actual.len(), expected.len());
    let Difference { max_abs, at } = compare(actual, expected);
    assert!(
        max_abs <= tolerance,
        "{what}: element {at} of {}: expected {}, found {} (off by {max_abs:e}, allowed {tolerance:e})",
        actual.len(),
        expected[at],
        actual[at],
    );
}

/// [`assert_close`] in double precision.
///
/// # Panics
///
/// Panics if an element is further off than `tolerance`.
#[track_caller]
pub fn assert_close_f64(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    check_lengths(what, actual.len(), expected.len());
    let Difference { max_abs, at } = compare_f64(actual, expected);
    assert!(
        max_abs <= tolerance,
        "{what}: element {at} of {}: expected {}, found {} (off by {max_abs:e}, allowed {tolerance:e})",
        actual.len(),
        expected[at],
        actual[at],
    );
}

#[track_caller]
fn check_lengths(what: &str, actual: usize, expected: usize) {
    assert!(actual == expected, "{what}: expected {expected} elements, found {actual}");
}

fn compare_pairs(pairs: impl Iterator<Item = (f64, f64)>) -> Difference {
    let mut worst = Difference { max_abs: 0.0, at: 0 };
    for (at, (actual, expected)) in pairs.enumerate() {
        if actual == expected || actual.is_nan() && expected.is_nan() {
            continue;
        }
        let max_abs = (actual - expected).abs();
        if max_abs.is_nan() {
            return Difference { max_abs, at };
        }
        if max_abs > worst.max_abs {
            worst = Difference { max_abs, at };
        }
    }
    worst
}

#[cfg(test)]
mod tests {
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
}
