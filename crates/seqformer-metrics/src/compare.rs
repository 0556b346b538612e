//! Two sets of results on one dataset: how their numbers differ, and how sure that is.
//!
//! The intervals come from the paired bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap",
//! 1993): videos are drawn with replacement, and both sets are scored on the same draw.

mod samples;
mod table;

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use rayon::prelude::*;
use seqformer_evaluation::{EvaluationError, GroundTruth, Results, YtvisEvaluator};
use serde_json::{Map, Value, json};

use self::samples::{Resampled, Sample, resampled};
pub use self::table::ComparisonTable;
use crate::evaluate::{Metric, TrackMetrics};
use crate::tracks::Selection;

/// Which part of the draws lies outside of an interval, half of it on each side.
const OUTSIDE: f64 = 0.05;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComparedMetric {
    /// AP of masks.
    Ap,
    /// AP of boxes.
    BoxAp,
    /// The first number of a metric of tracks.
    Tracks(Metric),
}

/// How the bootstrap draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// The same seed gives the same intervals, on any number of threads.
    pub seed: u64,
    /// How often the videos are drawn.
    pub num_draws: usize,
}

/// Two numbers of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Of the first results.
    pub first: f64,
    /// Of those they are compared with.
    pub second: f64,
    /// What the draws say, if there is more than one video to draw from.
    pub draws: Option<Draws>,
}

/// What the draws say of a difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draws {
    /// Where the middle 95% of the differences lie.
    pub interval: [f64; 2],
    /// The part of the draws in which the first results are better; equal draws count half.
    pub better: f64,
}

/// How two sets of results differ in one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The metric.
    pub metric: ComparedMetric,
    /// Over all videos.
    pub all: Difference,
    /// Of the classes that both have a number for.
    pub classes: Vec<(String, Difference)>,
    /// Of the videos that both have a number for; one video has no draws.
    pub videos: Vec<(String, Difference)>,
}

impl ComparedMetric {
    /// Returns how the command line and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ap => "ap",
            Self::BoxAp => "box-ap",
            Self::Tracks(metric) => metric.name(),
        }
    }

    /// Returns the name of the number that is compared.
    pub fn number(self) -> &'static str {
        match self {
            Self::Ap => "AP of masks",
            Self::BoxAp => "AP of boxes",
            Self::Tracks(Metric::Hota) => "HOTA",
            Self::Tracks(Metric::Mots) => "sMOTSA",
            Self::Tracks(Metric::Identity) => "IDF1",
            Self::Tracks(Metric::Davis) => "J&F",
            Self::Tracks(Metric::Teta) => "TETA",
        }
    }
}

impl Difference {
    /// Returns by how much the first is higher.
    pub fn difference(&self) -> f64 {
        self.first - self.second
    }

    fn to_json(&self) -> Value {
        let mut json = json!({
            "value": self.first, "against": self.second, "difference": self.difference(),
        });
        if let Some(Draws { interval, better }) = self.draws {
            json["interval"] = json!(interval);
            json["better"] = json!(better);
        }
        json
    }
}

/// Compares results with others on one dataset, in every metric asked for.
///
/// # Errors
///
/// A result of a video that the dataset does not have, or a damaged mask, in either.
pub fn compare(
    truth: &GroundTruth,
    [first, second]: [&Results; 2],
    metrics: &[ComparedMetric],
    selection: Selection,
    bootstrap: Bootstrap,
) -> Result<Vec<Comparison>, EvaluationError> {
    let of_tracks: Vec<Metric> = metrics
        .iter()
        .filter_map(|metric| match metric {
            ComparedMetric::Tracks(metric) => Some(*metric),
            ComparedMetric::Ap | ComparedMetric::BoxAp => None,
        })
        .collect();
    let evaluate = |results| TrackMetrics::evaluate(truth, results, &of_tracks, selection);
    let counted = [evaluate(first)?, evaluate(second)?];
    let evaluator = YtvisEvaluator::new(truth);
    let compare = |&metric: &ComparedMetric| {
        let pair: [Box<dyn Resampled + '_>; 2] = match metric {
            ComparedMetric::Ap => {
                [Box::new(evaluator.matches(first)?), Box::new(evaluator.matches(second)?)]
            }
            ComparedMetric::BoxAp => {
                [Box::new(evaluator.box_matches(first)?), Box::new(evaluator.box_matches(second)?)]
            }
            ComparedMetric::Tracks(metric) => counted.each_ref().map(|all| resampled(all, metric)),
        };
        let [class_names, video_names] = [&counted[0].class_names, &counted[0].video_names];
        Ok(Comparison::new(
            metric,
            pair.each_ref().map(AsRef::as_ref),
            bootstrap,
            class_names,
            video_names,
        ))
    };
    metrics.iter().map(compare).collect()
}

impl Comparison {
    fn new(
        metric: ComparedMetric,
        pair: [&dyn Resampled; 2],
        bootstrap: Bootstrap,
        class_names: &[String],
        video_names: &[String],
    ) -> Self {
        let num_videos = video_names.len();
        let whole = pair.map(|results| results.sample(&vec![1; num_videos]));
        let draws = if num_videos > 1 { draw(pair, bootstrap, num_videos) } else { Vec::new() };
        let videos = video_names.iter().enumerate().filter_map(|(video, name)| {
            let [first, second] = [pair[0].video(video)?, pair[1].video(video)?];
            Some((name.clone(), Difference { first, second, draws: None }))
        });
        let shared: Vec<usize> = (0..class_names.len())
            .filter(|class| whole.iter().all(|sample| sample.classes.contains_key(class)))
            .collect();
        let class = |&class: &usize| {
            let differences = draws.iter().filter_map(|[first, second]| {
                Some(first.classes.get(&class)? - second.classes.get(&class)?)
            });
            let difference = Difference {
                first: whole[0].classes[&class],
                second: whole[1].classes[&class],
                draws: Draws::new(differences.collect()),
            };
            (class_names[class].clone(), difference)
        };
        let differences = draws.iter().filter_map(|[first, second]| Some(first.all? - second.all?));
        let all = Difference {
            first: whole[0].all.unwrap_or(-1.0),
            second: whole[1].all.unwrap_or(-1.0),
            draws: Draws::new(differences.collect()),
        };
        Self { metric, all, classes: shared.iter().map(class).collect(), videos: videos.collect() }
    }

    /// Returns the numbers by name.
    pub fn to_json(&self) -> Value {
        let rows = |rows: &[(String, Difference)]| -> Value {
            let rows = rows.iter().map(|(name, row)| (name.clone(), row.to_json()));
            Value::Object(rows.collect::<Map<_, _>>())
        };
        let mut json = self.all.to_json();
        json["number"] = json!(self.metric.number());
        json["per_class"] = rows(&self.classes);
        json["per_video"] = rows(&self.videos);
        json
    }
}

/// Scores both results on the same draws of videos, in the order of draws.
fn draw(
    pair: [&dyn Resampled; 2],
    Bootstrap { seed, num_draws }: Bootstrap,
    num_videos: usize,
) -> Vec<[Sample; 2]> {
    let one = |draw: usize| {
        // Each draw has random numbers of its own, so that threads do not matter.
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(draw as u64);
        let mut times = vec![0; num_videos];
        for _ in 0..num_videos {
            let place = (u64::from(random.next_u32()) * num_videos as u64) >> 32;
            times[place as usize] += 1;
        }
        pair.map(|results| results.sample(&times))
    };
    (0..num_draws).into_par_iter().map(one).collect()
}

impl Draws {
    /// Takes the differences of all draws; nothing of nothing.
    fn new(mut differences: Vec<f64>) -> Option<Self> {
        differences.sort_by(f64::total_cmp);
        let last = differences.len().checked_sub(1)?;
        let quantile = |part: f64| {
            let place = part * last as f64;
            let (low, high) =
                (differences[place.floor() as usize], differences[place.ceil() as usize]);
            low + (high - low) * place.fract()
        };
        let better = |d: &f64| if *d > 0.0 { 1.0 } else { 0.5 * f64::from(u8::from(*d == 0.0)) };
        let interval = [quantile(OUTSIDE / 2.0), quantile(1.0 - OUTSIDE / 2.0)];
        let better = differences.iter().map(better).sum::<f64>() / differences.len() as f64;
        Some(Self { interval, better })
    }
}

#[cfg(test)]
mod tests {
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
        Comparison::new(
            ComparedMetric::Ap,
            pair,
            bootstrap,
            &names("c", 3),
            &names("v", first.len()),
        )
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
}
