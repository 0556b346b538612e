//! The values of one scalar during the training.

use std::collections::BTreeMap;

use crate::metrics::MetricsRecord;

/// Inverse of the part of all points that the running median covers.
const SMOOTHED_PART: usize = 30;
const MAX_WINDOW: usize = 101;

/// The values of one scalar by iteration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    /// Name of the scalar, such as `loss_ce` or `segm/AP`.
    pub(super) name: String,
    /// Iterations, from 0, and values in drawing order; non-finite where there is no number.
    pub(super) points: Vec<(u64, f64)>,
}

impl Series {
    /// The series in the lines of a `metrics.json`, sorted by name.
    ///
    /// Points are ordered by iteration; the later of two lines with the same iteration wins.
    pub(super) fn collect(records: &[MetricsRecord]) -> Vec<Self> {
        let mut all: BTreeMap<&str, BTreeMap<u64, f64>> = BTreeMap::new();
        for record in records {
            for (name, value) in &record.values {
                all.entry(name).or_default().insert(record.iteration, *value);
            }
        }
        let series = all.into_iter();
        series
            .map(|(name, points)| Self {
                name: name.to_owned(),
                points: points.into_iter().collect(),
            })
            .collect()
    }
}

/// An odd window that smooths a series of `len` points without hiding its course.
pub(super) fn smoothing_window(len: usize) -> usize {
    (len / SMOOTHED_PART).min(MAX_WINDOW) / 2 * 2 + 1
}

/// The median of the finite values among the `window` points around each point, fewer at the ends.
///
/// A non-finite point stays non-finite.
pub(super) fn running_median(points: &[(u64, f64)], window: usize) -> Vec<(u64, f64)> {
    let reach = window / 2;
    let median = |index: usize| {
        if !points[index].1.is_finite() {
            return f64::NAN;
        }
        // Symmetric at the start of the training, so that its steep slope is not bent; at the end, where the newest
        // value is read, a one-sided window is better than noise.
        let reach = reach.min(index);
        let end = (index + reach + 1).min(points.len());
        let around = points[index - reach..end].iter().map(|point| point.1);
        let mut values: Vec<f64> = around.filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let upper = values[values.len() / 2];
        let lower = values[(values.len() - 1) / 2];
        f64::midpoint(lower, upper)
    };
    (0..points.len()).map(|index| (points[index].0, median(index))).collect()
}

/// About `max_points` points that look the same: the minimum and the maximum of each stretch.
///
/// Non-finite points stay, because they are drawn separately.
pub(super) fn thinned(points: &[(u64, f64)], max_points: usize) -> Vec<(u64, f64)> {
    if points.len() <= max_points {
        return points.to_vec();
    }
    let stretch = (2 * points.len()).div_ceil(max_points);
    let mut kept = Vec::with_capacity(max_points);
    for chunk in points.chunks(stretch) {
        let finite = || (0..chunk.len()).filter(|index| chunk[*index].1.is_finite());
        let by_value = |a: &usize, b: &usize| chunk[*a].1.total_cmp(&chunk[*b].1);
        let (least, greatest) = (finite().min_by(by_value), finite().max_by(by_value));
        let stays = |index: &usize| {
            !chunk[*index].1.is_finite() || Some(*index) == least || Some(*index) == greatest
        };
        kept.extend((0..chunk.len()).filter(stays).map(|index| chunk[index]));
    }
    kept
}

#[cfg(test)]
mod tests {
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
}
