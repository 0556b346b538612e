//! Whether scores say how often results are right.
//!
//! Reliability diagram and expected calibration error: Guo et al., "On Calibration of Modern Neural Networks" (ICML
//! 2017), with a result right or wrong at IoU 0.5.

use seqformer_metrics::JudgedResult;
use serde::Serialize;

const NUM_BINS: usize = 10;

/// Scores from 0 to 1 in ten bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Calibration {
    pub(crate) bins: Vec<Bin>,
    /// The mean distance of precision and score, weighted by the results.
    pub(crate) error: f64,
}

/// Results of similar scores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Bin {
    pub(crate) count: usize,
    pub(crate) mean_score: f64,
    /// The part of them that is right.
    pub(crate) precision: f64,
}

impl Calibration {
    /// Sorts results into bins; nothing without results, or if a score is not from 0 to 1.
    pub(crate) fn new(results: &[JudgedResult]) -> Option<Self> {
        let counted: Vec<(f64, bool)> =
            results.iter().filter_map(|result| Some((result.score, result.is_right?))).collect();
        if counted.is_empty() || counted.iter().any(|(score, _)| !(0.0..=1.0).contains(score)) {
            return None;
        }
        let mut bins = vec![Bin::default(); NUM_BINS];
        for &(score, is_right) in &counted {
            let bin = &mut bins[((score * NUM_BINS as f64) as usize).min(NUM_BINS - 1)];
            bin.count += 1;
            bin.mean_score += score;
            bin.precision += f64::from(u8::from(is_right));
        }
        let mut error = 0.0;
        for bin in bins.iter_mut().filter(|bin| bin.count > 0) {
            error += (bin.precision - bin.mean_score).abs() / counted.len() as f64;
            bin.mean_score /= bin.count as f64;
            bin.precision /= bin.count as f64;
        }
        Some(Self { bins, error })
    }
}

#[cfg(test)]
mod tests {
    use seqformer_metrics::JudgedResult;

    use super::Calibration;

    fn calibration(results: &[(f64, bool)]) -> Option<Calibration> {
        let result = |&(score, is_right): &(f64, bool)| JudgedResult {
            video: 0,
            category: 0,
            score,
            result: 0,
            is_right: Some(is_right),
            truth: None,
        };
        Calibration::new(&results.iter().map(result).collect::<Vec<_>>())
    }

    #[test]
    fn scores_that_say_too_much_are_an_error() {
        let found =
            calibration(&[(1.0, true), (0.92, false), (0.94, true), (0.9, false), (0.15, false)])
                .unwrap();
        assert_eq!((found.bins[9].count, found.bins[1].count), (4, 1));
        assert!((found.bins[9].mean_score - 0.94).abs() < 1e-12);
        assert!((found.bins[9].precision - 0.5).abs() < 1e-12);
        assert!((found.error - (4.0 * 0.44 + 0.15) / 5.0).abs() < 1e-12, "{}", found.error);
        assert_eq!((calibration(&[]), calibration(&[(1.5, true)])), (None, None));
    }
}
