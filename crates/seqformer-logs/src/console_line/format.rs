//! Numbers and times as C and Python print them.

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// C's `%.{precision}g`: `precision` significant digits without trailing zeros, in scientific notation if that is
/// shorter.
///
/// C11 7.21.6.1, conversion `g`; non-finite numbers are `nan`, `inf` and `-inf`.
pub(crate) fn format_g(value: f64, precision: usize) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    let digits = precision.max(1);
    let scientific = format!("{value:.*e}", digits - 1);
    // The exponent after rounding: 9.9996 with four digits is 10.
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_trailing_zeros(mantissa), exponent.abs());
    }
    let decimals = (digits as i32 - 1 - exponent) as usize;
    without_trailing_zeros(&format!("{value:.decimals$}")).to_owned()
}

fn without_trailing_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// Python's `str(timedelta(seconds=seconds))`: `1:02:03`, `1 day, 0:00:00`, `-1 day, 23:59:59`.
pub(crate) fn format_timedelta(seconds: i64) -> String {
    let days = seconds.div_euclid(SECONDS_PER_DAY);
    let rest = seconds.rem_euclid(SECONDS_PER_DAY);
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    match days {
        0 => clock,
        1 | -1 => format!("{days} day, {clock}"),
        _ => format!("{days} days, {clock}"),
    }
}

#[cfg(test)]
mod tests {
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
}
