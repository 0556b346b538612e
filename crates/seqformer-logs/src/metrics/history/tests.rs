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
        history.median(20).is_nan() && history.mean(20).is_nan() && history.global_mean().is_nan()
    );
    assert_eq!(history.median(10), 1.0);
}

#[test]
fn an_empty_history_has_no_number() {
    let history = ScalarHistory::new(Statistic::Median);
    let numbers = [history.latest(), history.median(20), history.mean(20), history.global_mean()];
    assert!(numbers.iter().all(|number| number.is_nan()));
}
