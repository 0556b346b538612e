//! The progress line of a training.
//!
//! Reference: detectron2 `utils/events.py`, `CommonMetricPrinter.write`. Scripts extract values from these lines, so
//! names, spaces and digits are the same.

mod format;

use std::fmt::Write as _;

pub(crate) use format::{format_g, format_timedelta};

use crate::metrics::{Metrics, ScalarHistory};

const LOSS_WINDOW: usize = 20;
const DATA_TIME_WINDOW: usize = 20;
const BYTES_PER_MIB: f64 = 1024.0 * 1024.0;

/// The line for the current iteration: time left, iteration, losses, step times, learning rate, memory.
///
/// ```text
///  eta: 1:23:45  iter: 19  total_loss: 31.2  loss_ce: 1.874  time: 0.4321  data_time: 0.0123  lr: 0.0002  max_mem: 12345M
/// ```
///
/// Every scalar whose name contains `loss` appears with the median of its last 20 values. What was not recorded is
/// left out; `max_memory_bytes` is the most memory that the device ever held, if it has its own.
pub fn console_line(metrics: &Metrics, max_memory_bytes: Option<u64>) -> String {
    let mut line = String::from(" ");
    let mut part = |name: &str, value: String| {
        // Writing into a string cannot fail.
        let _infallible = write!(line, "{name}: {value}  ");
    };
    let eta_seconds = metrics.get(Metrics::ETA_SECONDS).map(ScalarHistory::latest);
    if let Some(eta_seconds) = eta_seconds.filter(|seconds| seconds.is_finite()) {
        part("eta", format_timedelta(eta_seconds as i64));
    }
    part("iter", metrics.iteration().to_string());
    for (name, history) in metrics.iter().filter(|(name, _)| name.contains("loss")) {
        part(name, format_g(history.median(LOSS_WINDOW), 4));
    }
    if let Some(time) = metrics.get(Metrics::TIME) {
        part("time", fixed(time.global_mean(), 4));
    }
    if let Some(data_time) = metrics.get(Metrics::DATA_TIME) {
        part("data_time", fixed(data_time.mean(DATA_TIME_WINDOW), 4));
    }
    let lr = metrics.get(Metrics::LR).map(|history| format_g(history.latest(), 5));
    part("lr", lr.unwrap_or_else(|| "N/A".into()));
    if let Some(bytes) = max_memory_bytes {
        part("max_mem", format!("{:.0}M", bytes as f64 / BYTES_PER_MIB));
    }
    line.truncate(line.trim_end().len());
    line
}

/// C's `%.{digits}f`.
fn fixed(value: f64, digits: usize) -> String {
    if value.is_finite() { format!("{value:.digits$}") } else { format_g(value, digits) }
}

#[cfg(test)]
mod tests {
    use super::console_line;
    use crate::metrics::Metrics;

    /// The values of the specification's example.
    #[test]
    fn the_line_is_that_of_detectron2() {
        let mut metrics = Metrics::new();
        for iteration in 0..20 {
            metrics.begin_iteration(iteration);
            metrics.record(Metrics::DATA_TIME, 0.0123);
            metrics.record(Metrics::TOTAL_LOSS, 31.2);
            metrics.record("loss_ce", 1.87449);
            metrics.record("class_error", 50.0);
            metrics.record(Metrics::TIME, 0.4321);
            metrics.record_unsmoothed(Metrics::LR, 0.0002);
        }
        metrics.record_eta(12000);
        let expected = " eta: 1:26:16  iter: 19  total_loss: 31.2  loss_ce: 1.874  time: 0.4321  \
                        data_time: 0.0123  lr: 0.0002  max_mem: 12345M";
        assert_eq!(console_line(&metrics, Some(12345 << 20)), expected);
        assert_eq!(console_line(&metrics, None), expected.replace("  max_mem: 12345M", ""));
    }

    #[test]
    fn the_first_line_has_no_times() {
        let mut metrics = Metrics::new();
        metrics.record(Metrics::TOTAL_LOSS, 1.0);
        metrics.record_eta(100);
        assert_eq!(console_line(&metrics, None), " iter: 0  total_loss: 1  lr: N/A");
    }

    #[test]
    fn losses_that_are_not_finite_are_seen() {
        let mut metrics = Metrics::new();
        metrics.record("loss_ce", f64::NAN);
        metrics.record("loss_mask", f64::INFINITY);
        metrics.record(Metrics::TIME, f64::NAN);
        metrics.record_eta(100);
        let line = console_line(&metrics, None);
        assert_eq!(line, " iter: 0  loss_ce: nan  loss_mask: inf  time: nan  lr: N/A");
    }
}
