use std::collections::BTreeMap;

use super::samples::{Resampled, Sample};
use super::{Bootstrap, ComparedMetric, Comparison, Draws};

/// Results whose numbers are means over videos.
struct Means(Vec<f64>);

impl Resampled for Means {
    fn sample(&self, times: &[u32]) -> Sample {
        let total: f64 = times.iter().copied().map(f64::from).sum();
        let sum: f64 = self.0.iter().zip(times).map(|(value, &n)| value * f64::from(n)).sum();
        // The second class is in the first video alone.
        let mut classes = BTreeMap::from([(0, sum / total)]);
        if times[0] > 0 {
            classes.insert(1, self.0[0]);
        }
        Sample { all: Some(sum / total), classes }
    }

    fn video(&self, video: usize) -> Option<f64> {
        Some(self.0[video])
    }
}

fn compare(first: &[f64], second: &[f64], seed: u64) -> Comparison {
    let names =
        |prefix: &str, count| (0..count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let pair = [&Means(first.to_vec()) as &dyn Resampled, &Means(second.to_vec())];
    let bootstrap = Bootstrap { seed, num_draws: 2000 };
    Comparison::new(ComparedMetric::Ap, pair, bootstrap, &names("c", 3), &names("v", first.len()))
}

#[test]
fn intervals_are_those_of_the_mean_of_differences() {
    let first: Vec<f64> = (0..50).map(|n| 0.5 + 0.01 * f64::from(n)).collect();
    let second: Vec<f64> =
        first.iter().enumerate().map(|(n, v)| v - 0.1 * (n % 2) as f64).collect();
    let found = compare(&first, &second, 1);
    assert!((found.all.difference() - 0.05).abs() < 1e-12);
    let draws = found.all.draws.unwrap();
    // The differences are 0 or 0.1, so that their mean of 50 has a deviation of 0.05 / sqrt(50).
    let half = 1.96 * 0.05 / 50.0_f64.sqrt();
    for (end, expected) in draws.interval.into_iter().zip([0.05 - half, 0.05 + half]) {
        assert!((end - expected).abs() < 0.003, "{:?}", draws.interval);
    }
    assert_eq!(draws.better, 1.0);
    // A class is compared in the draws that have it.
    assert_eq!(found.classes.len(), 2);
    assert_eq!(found.classes[1].1.draws.unwrap(), Draws { interval: [0.0; 2], better: 0.5 });
    assert_eq!(compare(&first, &second, 1), found, "the same seed");
    assert_ne!(compare(&first, &second, 2).all.draws, found.all.draws, "another seed");
}

#[test]
fn the_table_says_where_one_wins() {
    let found = compare(&[0.5, 0.9, 0.4], &[0.5, 0.2, 0.6], 0);
    let table = found.table(true, true).to_string();
    for expected in [
        "all            0.600    0.433      +0.167  ",
        "\nvideo v1       0.900    0.200      +0.700\n",
        "classes: better in 1, worse in 0, equal in 1; most better: c0 (+0.167)\n",
        "videos: better in 1, worse in 1, equal in 1; most better: v1 (+0.700); most worse: v2 (-0.200)\n",
    ] {
        assert!(table.contains(expected), "{expected} is not in\n{table}");
    }
    let json = found.to_json();
    assert_eq!(json["per_video"]["v1"]["value"], 0.9);
    assert_eq!(json["interval"].as_array().unwrap().len(), 2);
}

#[test]
fn one_video_says_nothing_of_others() {
    assert_eq!(compare(&[0.5], &[0.4], 0).all.draws, None);
}
