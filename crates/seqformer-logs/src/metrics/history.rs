//! The recent values of one scalar.

use std::collections::VecDeque;

/// Number of values that reports are smoothed over.
const SMOOTHING_WINDOW: usize = 20;
/// Number of values that are kept; the longest window in use.
const CAPACITY: usize = super::ETA_WINDOW;

/// How a scalar is reported.
#[derive(Clone, Copy, Debug)]
pub(super) enum Statistic {
    /// The median of the last 20.
    Median,
    /// The newest value.
    Latest,
}

/// The recent values of one scalar, and the mean of all its values.
#[derive(Clone, Debug)]
pub struct ScalarHistory {
    recent: VecDeque<f64>,
    count: u64,
    global_mean: f64,
    iteration: u64,
    statistic: Statistic,
    fresh: bool,
}

impl ScalarHistory {
    pub(super) fn new(statistic: Statistic) -> Self {
        let recent = VecDeque::new();
        Self { recent, count: 0, global_mean: 0.0, iteration: 0, statistic, fresh: false }
    }

    pub(super) fn push(&mut self, value: f64, iteration: u64) {
        if self.recent.len() == CAPACITY {
            self.recent.pop_front();
        }
        self.recent.push_back(value);
        self.count += 1;
        self.global_mean += (value - self.global_mean) / self.count as f64;
        self.iteration = iteration;
        self.fresh = true;
    }

    /// The newest value; NaN if there is none.
    pub fn latest(&self) -> f64 {
        self.recent.back().copied().unwrap_or(f64::NAN)
    }

    /// The iteration of the newest value.
    pub fn iteration(&self) -> u64 {
        self.iteration
    }

    /// The median of the last `window` values, of at most 1000; NaN if one of them is NaN.
    pub fn median(&self, window: usize) -> f64 {
        let mut values = self.last(window).collect::<Vec<_>>();
        if values.is_empty() || values.iter().any(|value| value.is_nan()) {
            return f64::NAN;
        }
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        if values.len() % 2 == 1 {
            return values[middle];
        }
        f64::midpoint(values[middle - 1], values[middle])
    }

    /// The mean of the last `window` values, of at most 1000.
    pub fn mean(&self, window: usize) -> f64 {
        let count = self.recent.len().min(window);
        self.last(window).sum::<f64>() / count as f64
    }

    /// The mean of all values since the start.
    pub fn global_mean(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.global_mean }
    }

    /// The reported value: the median of the last 20 values, or the newest one of an unsmoothed scalar.
    pub fn reported(&self) -> f64 {
        match self.statistic {
            Statistic::Median => self.median(SMOOTHING_WINDOW),
            Statistic::Latest => self.latest(),
        }
    }

    /// The reported value, if there was a new one since the last call.
    pub(super) fn take_fresh(&mut self) -> Option<f64> {
        std::mem::take(&mut self.fresh).then(|| self.reported())
    }

    fn last(&self, window: usize) -> impl Iterator<Item = f64> {
        self.recent.range(self.recent.len().saturating_sub(window)..).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{ScalarHistory, Statistic};

    fn history(values: &[f64]) -> ScalarHistory {
        let mut history = ScalarHistory::new(Statistic::Median);
        for (iteration, value) in values.iter().enumerate() {
            history.push(*value, iteration as u64);
        }
        history
    }

    #[test]
    fn windows_reach_back_over_the_newest_values_only() {
        let history = history(&[100.0, 4.0, 1.0, 3.0]);
        assert_eq!(history.latest(), 3.0);
        assert_eq!(history.iteration(), 3);
        assert_eq!(history.median(1), 3.0);
        assert_eq!(history.median(2), 2.0);
        assert_eq!(history.median(3), 3.0);
        assert_eq!(history.median(20), 3.5);
        assert_eq!(history.mean(3), 8.0 / 3.0);
        assert_eq!(history.mean(20), 27.0);
        assert_eq!(history.global_mean(), 27.0);
    }

    #[test]
    fn the_mean_of_all_values_outlives_the_window() {
        let values: Vec<f64> = (0..5000).map(f64::from).collect();
        let history = history(&values);
        assert!((history.global_mean() - 2499.5).abs() < 1e-9);
        assert_eq!(history.mean(usize::MAX), 4499.5);
        assert_eq!(history.reported(), 4989.5);
    }

    #[test]
    fn a_number_that_is_not_finite_shows_in_every_window_that_holds_it() {
        let mut values = vec![1.0; 30];
        values[15] = f64::NAN;
        let history = history(&values);
        assert!(
            history.median(20).is_nan()
                && history.mean(20).is_nan()
                && history.global_mean().is_nan()
        );
        assert_eq!(history.median(10), 1.0);
    }

    #[test]
    fn an_empty_history_has_no_number() {
        let history = ScalarHistory::new(Statistic::Median);
        let numbers =
            [history.latest(), history.median(20), history.mean(20), history.global_mean()];
        assert!(numbers.iter().all(|number| number.is_nan()));
    }
}
