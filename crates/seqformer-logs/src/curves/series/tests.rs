use super::{Series, running_median, smoothing_window, thinned};
use crate::metrics::MetricsRecord;

fn numbered(values: &[f64]) -> Vec<(u64, f64)> {
    (0..).zip(values.iter().copied()).collect()
}

#[test]
fn series_are_sorted_and_the_later_line_counts() {
    let line = |iteration, value| MetricsRecord {
        iteration,
        values: vec![("b".into(), value), ("a".into(), -value)],
    };
    let series = Series::collect(&[line(39, 1.0), line(19, 2.0), line(39, 3.0)]);
    let expected = [
        Series { name: "a".into(), points: vec![(19, -2.0), (39, -3.0)] },
        Series { name: "b".into(), points: vec![(19, 2.0), (39, 3.0)] },
    ];
    assert_eq!(series, expected);
}

#[test]
fn a_running_median_ignores_spikes_and_keeps_slopes() {
    let mut values: Vec<f64> = (0..50).map(f64::from).collect();
    let smooth = running_median(&numbered(&values), 5);
    assert_eq!(smooth[..48], numbered(&values)[..48]);
    assert_eq!((smooth[48].1, smooth[49].1), (47.5, 48.0));
    values[20] = 1e9;
    let smooth = running_median(&numbered(&values), 5);
    assert!(smooth.iter().all(|(iteration, value)| (value - *iteration as f64).abs() <= 1.0));
}

#[test]
fn a_running_median_leaves_gaps_where_there_is_no_number() {
    let smooth = running_median(&numbered(&[1.0, f64::NAN, 2.0, f64::INFINITY]), 3);
    assert_eq!((smooth[0].1, smooth[2].1), (1.0, 2.0));
    assert!(smooth[1].1.is_nan() && smooth[3].1.is_nan());
    assert_eq!(running_median(&[], 3), []);
}

#[test]
fn windows_are_odd_and_grow_with_the_series() {
    let windows = [0, 1, 29, 60, 600, 30000, 1_000_000].map(smoothing_window);
    assert!(windows.iter().all(|window| window % 2 == 1) && windows.is_sorted());
    assert_eq!((windows[0], windows[6]), (1, 101));
}

#[test]
fn thinning_keeps_extremes_and_alarms() {
    let mut values: Vec<f64> = (0..10_000).map(|i| f64::from(i % 97)).collect();
    values[5003] = 1e6;
    values[7001] = -1e6;
    values[8000] = f64::NAN;
    let points = numbered(&values);
    let kept = thinned(&points, 400);
    assert!(kept.len() <= 401 && kept.is_sorted_by_key(|point| point.0));
    assert!(kept.contains(&(5003, 1e6)) && kept.contains(&(7001, -1e6)));
    assert!(kept.iter().any(|point| point.1.is_nan()));
    assert_eq!(thinned(&points[..400], 400), points[..400]);
}
