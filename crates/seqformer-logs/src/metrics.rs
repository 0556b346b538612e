//! Scalars of the training by name, smoothed over the last iterations.
//!
//! Reference: detectron2 `utils/events.py`, `EventStorage`, and fvcore `common/history_buffer.py`. Names keep the order
//! in which they were first recorded, which is the order of the console line.
//!
//! As in the reference, `total_loss` is whatever the trainer records under that name: the sum of all entries of the
//! loss dictionary, including the class error in percent.

mod file;
mod history;
mod record;

use std::collections::BTreeMap;

pub use file::{MetricsFile, read_metrics};
pub use history::ScalarHistory;
use history::Statistic;
pub use record::MetricsRecord;

/// Number of step times whose median predicts the remaining time.
const ETA_WINDOW: usize = 1000;

/// The scalars of a training, each with its recent values.
#[derive(Debug, Default)]
pub struct Metrics {
    iteration: u64,
    scalars: Vec<(String, ScalarHistory)>,
}

impl Metrics {
    /// Sum of the loss dictionary as logged by the reference, including the class error in per cent, which is not
    /// trained.
    pub const TOTAL_LOSS: &str = "total_loss";
    /// Sum of the weighted losses, which training minimizes.
    pub const OPTIMIZED_LOSS: &str = "optimized_loss";
    /// Seconds of a step; by convention recorded from the third step on, when caches are warm.
    pub const TIME: &str = "time";
    /// Seconds that a step waited for its data.
    pub const DATA_TIME: &str = "data_time";
    /// Learning rate of the heads; recorded without smoothing.
    pub const LR: &str = "lr";
    /// Remaining seconds; recorded without smoothing by [`Metrics::record_eta`].
    pub const ETA_SECONDS: &str = "eta_seconds";

    /// Starts without scalars, at iteration 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Assigns the values recorded from now on to `iteration`, counted from 0.
    pub fn begin_iteration(&mut self, iteration: u64) {
        self.iteration = iteration;
    }

    /// The iteration of the newest values, from 0.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// Adds a value of a scalar that is reported as the median of its last 20 values.
    ///
    /// A non-finite number is kept, and makes every median and mean that includes it non-finite as well: it must not
    /// vanish in the smoothing.
    pub fn record(&mut self, name: &str, value: f64) {
        self.push(name, value, Statistic::Median);
    }

    /// Adds a value of a scalar that is reported unsmoothed. The first value of a name decides between the two.
    pub fn record_unsmoothed(&mut self, name: &str, value: f64) {
        self.push(name, value, Statistic::Latest);
    }

    /// Records the remaining seconds until iteration `max_iter`: the median of the last 1000 step times, times the
    /// remaining steps. Records nothing before the first step time.
    pub fn record_eta(&mut self, max_iter: u64) {
        let Some(time) = self.get(Self::TIME) else { return };
        let steps_left = max_iter.saturating_sub(self.iteration + 1);
        let eta_seconds = time.median(ETA_WINDOW) * steps_left as f64;
        self.record_unsmoothed(Self::ETA_SECONDS, eta_seconds);
    }

    /// The history of one scalar.
    pub fn get(&self, name: &str) -> Option<&ScalarHistory> {
        self.scalars.iter().find(|(known, _)| known == name).map(|(_, history)| history)
    }

    /// All scalars in the order in which they were first recorded.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ScalarHistory)> {
        self.scalars.iter().map(|(name, history)| (name.as_str(), history))
    }

    /// What was recorded since the last call, smoothed, by the iteration of its newest value.
    ///
    /// Usually this is one record; there are more if some scalar was not recorded in the latest iteration.
    pub fn take_fresh(&mut self) -> Vec<MetricsRecord> {
        let mut by_iteration: BTreeMap<u64, Vec<(String, f64)>> = BTreeMap::new();
        for (name, history) in &mut self.scalars {
            if let Some(value) = history.take_fresh() {
                by_iteration.entry(history.iteration()).or_default().push((name.clone(), value));
            }
        }
        let records = by_iteration.into_iter();
        records.map(|(iteration, values)| MetricsRecord { iteration, values }).collect()
    }

    fn push(&mut self, name: &str, value: f64, statistic: Statistic) {
        // About forty names: a search is cheaper than hashing.
        let known = self.scalars.iter().position(|(known, _)| known == name);
        let index = known.unwrap_or_else(|| {
            self.scalars.push((name.to_owned(), ScalarHistory::new(statistic)));
            self.scalars.len() - 1
        });
        self.scalars[index].1.push(value, self.iteration);
    }
}

#[cfg(test)]
mod tests {
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
}
