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
mod tests;
