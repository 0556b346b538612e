//! Maps values to positions along an edge, with ticks at round numbers.

use crate::console_line::format_g;

/// Smaller steps are written in scientific notation, and so are values above `HUGE`.
const TINY: f64 = 0.999_999e-3;
const HUGE: f64 = 1e7;

/// Linear or logarithmic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// A marked value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// The range of a panel along one direction.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) scale: Scale,
    pub(super) ticks: Vec<Tick>,
    low: f64,
    high: f64,
}

impl Axis {
    /// A linear axis of exactly `low..high`.
    pub(super) fn exact(low: f64, high: f64, intervals: usize) -> Self {
        let (low, high) = not_empty(low, high);
        let ticks = linear_ticks(low, high, round_step(low, high, intervals));
        Self { scale: Scale::Linear, ticks, low, high }
    }

    /// A linear axis that contains `low..high` and ends at ticks.
    pub(super) fn linear(low: f64, high: f64, intervals: usize) -> Self {
        let (low, high) = not_empty(low, high);
        let step = round_step(low, high, intervals);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { scale: Scale::Linear, ticks: linear_ticks(low, high, step), low, high }
    }

    /// A logarithmic axis that contains `low..high`, both positive, with a small margin on either side.
    pub(super) fn log(low: f64, high: f64, intervals: usize) -> Self {
        let room = (high / low).powf(0.04).max(1.05);
        let (low, high) = (low / room, high * room);
        Self { scale: Scale::Log, ticks: log_ticks(low, high, intervals), low, high }
    }

    /// The position of `value`: 0 at the low end, 1 at the high end.
    pub(super) fn fraction(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}

/// Widens a range without extent, such as that of a constant series.
fn not_empty(low: f64, high: f64) -> (f64, f64) {
    let extent = high - low;
    if extent > 1e-9 * low.abs().max(high.abs()) {
        return (low, high);
    }
    match low {
        0.0 => (0.0, 1.0),
        low if low > 0.0 => (0.0, low * 1.25),
        low => (low * 1.25, 0.0),
    }
}

/// The smallest of 1, 2 and 5 times a power of ten that needs at most `intervals` intervals.
fn round_step(low: f64, high: f64, intervals: usize) -> f64 {
    let wanted = (high - low) / intervals as f64;
    let power = wanted.log10().floor() as i32;
    let candidates = [(1, power), (2, power), (5, power), (1, power + 1)];
    let mut steps = candidates.iter().map(|(digit, power)| decimal(*digit, *power));
    steps.find(|step| *step >= wanted * (1.0 - 1e-9)).unwrap_or(wanted)
}

/// `digit` times ten to the `power`, correctly rounded.
fn decimal(digit: u32, power: i32) -> f64 {
    format!("{digit}e{power}").parse().unwrap_or(f64::MIN_POSITIVE)
}

fn linear_ticks(low: f64, high: f64, step: f64) -> Vec<Tick> {
    let tolerance = 1e-6;
    let first = (low / step - tolerance).ceil() as i64;
    let last = (high / step + tolerance).floor() as i64;
    let values = (first..=last).map(|index| index as f64 * step);
    values.map(|value| Tick { value, label: label(value, step) }).collect()
}

/// Ticks at 1, 2 and 5 times the powers of ten; over a wide range only at powers of ten, or at some of them.
fn log_ticks(low: f64, high: f64, intervals: usize) -> Vec<Tick> {
    let decades = (high / low).log10();
    // Labels on a logarithmic axis may be closer, because they are few.
    let most = 1.5 * intervals as f64;
    let digits: &[u32] = if 3.0 * decades <= most { &[1, 2, 5] } else { &[1] };
    let every = (decades / most).ceil().max(1.0) as usize;
    let powers = (low.log10().floor() as i32..=high.log10().ceil() as i32).step_by(every);
    let ticks = powers.flat_map(|power| {
        digits.iter().map(move |digit| {
            let value = decimal(*digit, power);
            Tick { value, label: label(value, value) }
        })
    });
    ticks.filter(|tick| (low..=high).contains(&tick.value)).collect()
}

/// `value` with the digits that a multiple of `step` needs: `0.05`, `12,000`, `2e-4`.
fn label(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    if step < TINY || value.abs() >= HUGE {
        return scientific(value, 6);
    }
    let decimals = (-(step * (1.0 + 1e-9)).log10().floor()).max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    if decimals == 0 { grouped(&text) } else { text }
}

/// `value` with at most `digits` significant digits, in the shortest form: `0.0479`, `2e-4`.
pub(super) fn number(value: f64, digits: usize) -> String {
    if !value.is_finite() || value == 0.0 || (TINY..HUGE).contains(&value.abs()) {
        return format_g(value, digits);
    }
    scientific(value, digits)
}

/// Scientific notation; `digits` is at least two, so that there is a point after which zeros can be cut.
fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.*e}", digits.max(2) - 1);
    let Some((mantissa, power)) = text.split_once('e') else { return text };
    format!("{}e{power}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

/// An integer with thousands separators: `12,000`.
pub(super) fn grouped(number: &str) -> String {
    let mut grouped = String::new();
    for (index, c) in number.char_indices() {
        let rest = number.len() - index;
        if rest.is_multiple_of(3) && grouped.ends_with(|c: char| c.is_ascii_digit()) {
            grouped.push(',');
        }
        grouped.push(c);
    }
    grouped
}

#[cfg(test)]
mod tests;
