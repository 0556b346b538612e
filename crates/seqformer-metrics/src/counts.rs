//! What metrics are computed from: numbers that add up over videos and classes.

use serde_json::{Map, Value, json};

/// Numbers of one class in one video, or of many together.
pub(crate) trait Counts: Clone + Default + Send + Sync {
    /// Adds others, so many times.
    fn add(&mut self, other: &Self, times: f64);

    /// Tells whether nothing is annotated or found.
    fn is_empty(&self) -> bool;

    /// Computes the metric.
    fn scores(&self) -> Scores;
}

/// The numbers of a metric, in the order in which they are printed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores(pub Vec<Score>);

/// One number of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// How tables and files call it.
    pub name: &'static str,
    /// What it is.
    pub value: ScoreValue,
}

/// What a number of a metric is.
#[derive(Debug, Clone, PartialEq)]
pub enum ScoreValue {
    /// A number, mostly from 0 to 1.
    Ratio(f64),
    /// How many there are.
    Count(f64),
    /// Numbers over the thresholds of the metric, which stands for their mean.
    Curve(Vec<f64>),
    /// How many there are over the thresholds of the metric.
    CountCurve(Vec<f64>),
}

impl ScoreValue {
    /// Returns the number that stands for it.
    pub fn number(&self) -> f64 {
        match self {
            Self::Ratio(value) | Self::Count(value) => *value,
            Self::Curve(values) | Self::CountCurve(values) => mean(values),
        }
    }

    fn values(&self) -> &[f64] {
        match self {
            Self::Ratio(value) | Self::Count(value) => std::slice::from_ref(value),
            Self::Curve(values) | Self::CountCurve(values) => values,
        }
    }

    fn with_values(&self, values: Vec<f64>) -> Self {
        match self {
            Self::Ratio(_) => Self::Ratio(values.into_iter().sum()),
            Self::Count(_) => Self::Count(values.into_iter().sum()),
            Self::Curve(_) => Self::Curve(values),
            Self::CountCurve(_) => Self::CountCurve(values),
        }
    }
}

impl Scores {
    /// Returns the number that stands for the score of this name.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|score| score.name == name).map(|score| score.value.number())
    }

    /// Averages over classes, each with how many there are like it; counts are summed up.
    pub(crate) fn average(classes: &[(Self, f64)]) -> Self {
        let Some((first, _)) = classes.first() else { return Self::default() };
        let total: f64 = classes.iter().map(|(_, times)| times).sum();
        let averaged = |(place, score): (usize, &Score)| {
            let mut values = vec![0.0; score.value.values().len()];
            for (scores, times) in classes {
                for (sum, value) in values.iter_mut().zip(scores.0[place].value.values()) {
                    *sum += value * times;
                }
            }
            let is_mean = matches!(score.value, ScoreValue::Ratio(_) | ScoreValue::Curve(_));
            if is_mean {
                for value in &mut values {
                    *value /= total;
                }
            }
            Score { name: score.name, value: score.value.with_values(values) }
        };
        Self(first.0.iter().enumerate().map(averaged).collect())
    }

    /// Returns the numbers by name; those over thresholds are in `curves`, and their mean beside.
    pub fn to_json(&self) -> Value {
        let (mut numbers, mut curves) = (Map::new(), Map::new());
        for Score { name, value } in &self.0 {
            match value {
                ScoreValue::Ratio(number) => {
                    numbers.insert((*name).to_owned(), json!(number));
                }
                ScoreValue::Count(count) => {
                    numbers.insert((*name).to_owned(), json!(count.round() as i64));
                }
                ScoreValue::Curve(values) => {
                    numbers.insert((*name).to_owned(), json!(mean(values)));
                    curves.insert((*name).to_owned(), json!(values));
                }
                ScoreValue::CountCurve(values) => {
                    let counts: Vec<i64> =
                        values.iter().map(|count| count.round() as i64).collect();
                    curves.insert((*name).to_owned(), json!(counts));
                }
            }
        }
        if !curves.is_empty() {
            numbers.insert("curves".to_owned(), Value::Object(curves));
        }
        Value::Object(numbers)
    }
}

impl Score {
    pub(crate) fn ratio(name: &'static str, value: f64) -> Self {
        Self { name, value: ScoreValue::Ratio(value) }
    }

    pub(crate) fn count(name: &'static str, value: f64) -> Self {
        Self { name, value: ScoreValue::Count(value) }
    }

    pub(crate) fn curve(name: &'static str, values: &[f64]) -> Self {
        Self { name, value: ScoreValue::Curve(values.to_vec()) }
    }

    pub(crate) fn count_curve(name: &'static str, values: &[f64]) -> Self {
        Self { name, value: ScoreValue::CountCurve(values.to_vec()) }
    }
}

/// Adds the numbers of a slice to another, so many times.
pub(crate) fn add_slice(sums: &mut [f64], others: &[f64], times: f64) {
    for (sum, other) in sums.iter_mut().zip(others) {
        *sum += other * times;
    }
}

/// Returns the mean, 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}
