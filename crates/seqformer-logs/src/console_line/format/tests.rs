use super::{format_g, format_timedelta};

/// Numbers with what C's `printf` gives for `%.4g` and `%.5g` (glibc, and Python 3.11, which agree).
#[test]
fn numbers_look_as_in_c() {
    let cases = [
        (0.0, "0", "0"),
        (-0.0, "-0", "-0"),
        (1.0, "1", "1"),
        (31.2, "31.2", "31.2"),
        (31.24999, "31.25", "31.25"),
        (9.9996, "10", "9.9996"),
        (99995.0, "1e+05", "99995"),
        (99994.9, "9.999e+04", "99995"),
        (0.000_123_45, "0.0001234", "0.00012345"),
        (0.0001, "0.0001", "0.0001"),
        (9.9999e-05, "0.0001", "9.9999e-05"),
        (1e-05, "1e-05", "1e-05"),
        (0.0002, "0.0002", "0.0002"),
        (2e-05, "2e-05", "2e-05"),
        (123_456.0, "1.235e+05", "1.2346e+05"),
        (12345.5, "1.235e+04", "12346"),
        (1e10, "1e+10", "1e+10"),
        (1.5e-300, "1.5e-300", "1.5e-300"),
        (-2.71955, "-2.72", "-2.7195"),
        (10000.0, "1e+04", "10000"),
        (12345.0, "1.234e+04", "12345"),
        (1234.5, "1234", "1234.5"),
        (1235.5, "1236", "1235.5"),
        (1.0005, "1", "1.0005"),
        (f64::NAN, "nan", "nan"),
        (f64::INFINITY, "inf", "inf"),
        (f64::NEG_INFINITY, "-inf", "-inf"),
    ];
    for (value, four, five) in cases {
        assert_eq!(format_g(value, 4), four, "{value:?}");
        assert_eq!(format_g(value, 5), five, "{value:?}");
    }
}

/// Seconds with what Python 3.11 gives for `str(timedelta(seconds=…))`.
#[test]
fn times_look_as_in_python() {
    let cases = [
        (0, "0:00:00"),
        (59, "0:00:59"),
        (3599, "0:59:59"),
        (3661, "1:01:01"),
        (86399, "23:59:59"),
        (86400, "1 day, 0:00:00"),
        (90061, "1 day, 1:01:01"),
        (172_800, "2 days, 0:00:00"),
        (8_640_000, "100 days, 0:00:00"),
        (-1, "-1 day, 23:59:59"),
        (-86400, "-1 day, 0:00:00"),
        (-90000, "-2 days, 23:00:00"),
    ];
    for (seconds, expected) in cases {
        assert_eq!(format_timedelta(seconds), expected, "{seconds}");
    }
}
