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
mod tests;
