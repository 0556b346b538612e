use super::{Axis, grouped, number};

fn labels(axis: &Axis) -> Vec<&str> {
    axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
}

#[test]
fn linear_axes_have_round_ticks_and_hold_the_range() {
    let cases: [(f64, f64, usize, &[&str]); 7] = [
        (0.0, 12000.0, 6, &["0", "2,000", "4,000", "6,000", "8,000", "10,000", "12,000"]),
        (0.0, 2e-4, 4, &["0", "5e-5", "1e-4", "1.5e-4", "2e-4"]),
        (
            0.3,
            1.9,
            4,
            &["0.0", "0.5", "1.0", "1.5", "2.0"]
                .map(|label| if label == "0.0" { "0" } else { label }),
        ),
        (31.0, 47.4, 4, &["30", "35", "40", "45", "50"]),
        (-1.0, 1.0, 4, &["-1.0", "-0.5", "0", "0.5", "1.0"]),
        (5.0, 5.0, 4, &["0", "2", "4", "6", "8"]),
        (0.0, 0.0, 2, &["0", "0.5", "1.0"]),
    ];
    for (low, high, intervals, expected) in cases {
        let axis = Axis::linear(low, high, intervals);
        assert_eq!(labels(&axis), expected, "{low}..{high}");
        assert!(axis.fraction(low) >= -1e-9 && axis.fraction(high) <= 1.0 + 1e-9);
    }
}

#[test]
fn an_exact_axis_ends_where_it_is_told_to() {
    let axis = Axis::exact(0.0, 11_999.0, 6);
    assert_eq!(labels(&axis), ["0", "2,000", "4,000", "6,000", "8,000", "10,000"]);
    assert_eq!((axis.fraction(0.0), axis.fraction(11_999.0)), (0.0, 1.0));
}

#[test]
fn logarithmic_axes_divide_decades_evenly() {
    let axis = Axis::log(0.1, 10.0, 8);
    assert_eq!(labels(&axis), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
    let place = |value| axis.fraction(value);
    assert!((place(1.0) - 0.5).abs() < 1e-12);
    assert!((place(10.0) - place(1.0) - (place(1.0) - place(0.1))).abs() < 1e-12);
    assert_eq!(
        labels(&Axis::log(1e-6, 100.0, 8)),
        ["1e-6", "1e-5", "1e-4", "0.001", "0.01", "0.1", "1", "10", "100"]
    );
    assert!(labels(&Axis::log(1e-300, 1e300, 8)).len() <= 13);
}

#[test]
fn thousands_stand_apart() {
    let cases = [
        ("0", "0"),
        ("999", "999"),
        ("1000", "1,000"),
        ("-123456", "-123,456"),
        ("1234567", "1,234,567"),
    ];
    for (number, expected) in cases {
        assert_eq!(grouped(number), expected);
    }
}

#[test]
fn numbers_are_as_short_as_they_can_be() {
    let cases = [
        (2e-5, "2e-5"),
        (0.04791, "0.0479"),
        (0.001, "0.001"),
        (12.34, "12.3"),
        (0.0, "0"),
        (1.5e-10, "1.5e-10"),
        (f64::NAN, "nan"),
    ];
    for (value, expected) in cases {
        assert_eq!(number(value, 3), expected);
    }
}
