use super::{Metrics, MetricsRecord};

fn values(record: &MetricsRecord) -> Vec<(&str, f64)> {
    record.values.iter().map(|(name, value)| (name.as_str(), *value)).collect()
}

#[test]
fn a_report_has_medians_of_twenty_and_the_newest_learning_rate() {
    let mut metrics = Metrics::new();
    for iteration in 0..40 {
        metrics.begin_iteration(iteration);
        metrics.record("total_loss", iteration as f64);
        metrics.record_unsmoothed(Metrics::LR, iteration as f64);
    }
    let records = metrics.take_fresh();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].iteration, 39);
    assert_eq!(values(&records[0]), [("total_loss", 29.5), ("lr", 39.0)]);
}

#[test]
fn names_keep_the_order_of_their_first_value() {
    let mut metrics = Metrics::new();
    for names in [["z", "a", "m"], ["a", "m", "z"]] {
        for name in names {
            metrics.record(name, 1.0);
        }
    }
    assert_eq!(metrics.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["z", "a", "m"]);
}

#[test]
fn a_report_holds_only_what_is_new_under_the_iteration_it_belongs_to() {
    let mut metrics = Metrics::new();
    metrics.begin_iteration(3);
    metrics.record_unsmoothed("segm/AP", 40.0);
    metrics.begin_iteration(4);
    metrics.record("total_loss", 1.0);
    let records = metrics.take_fresh();
    assert_eq!(records.iter().map(|record| record.iteration).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(values(&records[0]), [("segm/AP", 40.0)]);
    assert_eq!(metrics.take_fresh(), []);
    metrics.record("total_loss", 2.0);
    assert_eq!(values(&metrics.take_fresh()[0]), [("total_loss", 1.5)]);
}

#[test]
fn the_time_left_is_the_median_step_times_the_steps_to_come() {
    let mut metrics = Metrics::new();
    metrics.record_eta(100);
    assert!(metrics.get(Metrics::ETA_SECONDS).is_none());
    for (iteration, seconds) in [9.0, 0.5, 0.5, 0.25, 0.5].into_iter().enumerate() {
        metrics.begin_iteration(iteration as u64);
        metrics.record(Metrics::TIME, seconds);
    }
    metrics.record_eta(105);
    assert_eq!(metrics.get(Metrics::ETA_SECONDS).unwrap().latest(), 50.0);
    metrics.record_eta(2);
    assert_eq!(metrics.get(Metrics::ETA_SECONDS).unwrap().latest(), 0.0);
}
