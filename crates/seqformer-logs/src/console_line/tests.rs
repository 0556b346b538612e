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
