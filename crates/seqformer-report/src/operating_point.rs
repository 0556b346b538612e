//! The score from which results are worth showing.

use seqformer_metrics::JudgedResult;
use serde::Serialize;

/// A least score, and what is right and found with it at IoU 0.5, over all classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct OperatingPoint {
    pub(crate) min_score: f64,
    /// Nothing without a result.
    pub(crate) precision: Option<f64>,
    /// Nothing without an object.
    pub(crate) recall: Option<f64>,
    pub(crate) f1: f64,
}

impl OperatingPoint {
    /// Returns the point of the highest F1, the highest score of several; nothing without a right result.
    pub(crate) fn best(results: &[JudgedResult], num_objects: usize) -> Option<Self> {
        let mut ranked: Vec<(f64, bool)> = counted(results).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut right, mut total) = (0, 0);
        let mut best: Option<Self> = None;
        for group in ranked.chunk_by(|a, b| a.0 == b.0) {
            total += group.len();
            right += group.iter().filter(|(_, is_right)| *is_right).count();
            let point = Self::new(group[0].0, right, total, num_objects);
            if right > 0 && best.is_none_or(|best| point.f1 > best.f1) {
                best = Some(point);
            }
        }
        best
    }

    /// Returns what a least score gives.
    pub(crate) fn at(min_score: f64, results: &[JudgedResult], num_objects: usize) -> Self {
        let kept: Vec<bool> = counted(results)
            .filter(|(score, _)| *score >= min_score)
            .map(|(_, is_right)| is_right)
            .collect();
        let right = kept.iter().filter(|is_right| **is_right).count();
        Self::new(min_score, right, kept.len(), num_objects)
    }

    fn new(min_score: f64, right: usize, total: usize, num_objects: usize) -> Self {
        let part = |of: usize| (of > 0).then(|| right as f64 / of as f64);
        let f1 = match total + num_objects {
            0 => 0.0,
            sum => 2.0 * right as f64 / sum as f64,
        };
        Self { min_score, precision: part(total), recall: part(num_objects), f1 }
    }
}

/// Returns scores, and what is right, without the results that count neither for nor against.
fn counted(results: &[JudgedResult]) -> impl Iterator<Item = (f64, bool)> {
    results.iter().filter_map(|result| Some((result.score, result.is_right?)))
}

#[cfg(test)]
mod tests {
    use seqformer_metrics::JudgedResult;

    use super::OperatingPoint;

    fn judged(results: &[(f64, Option<bool>)]) -> Vec<JudgedResult> {
        let result = |(place, &(score, is_right)): (usize, &(f64, Option<bool>))| JudgedResult {
            video: 0,
            category: 0,
            score,
            result: place,
            is_right,
            truth: None,
        };
        results.iter().enumerate().map(result).collect()
    }

    #[test]
    fn the_best_point_keeps_what_is_mostly_right() {
        let results = [
            (0.2, Some(false)),
            (0.9, Some(true)),
            (0.8, Some(false)),
            (0.7, Some(true)),
            (0.7, None),
            (0.1, Some(false)),
        ];
        let best = OperatingPoint::best(&judged(&results), 2).unwrap();
        assert_eq!((best.min_score, best.recall), (0.7, Some(1.0)));
        assert!(
            (best.precision.unwrap() - 2.0 / 3.0).abs() < 1e-12 && (best.f1 - 0.8).abs() < 1e-12
        );
        assert_eq!(OperatingPoint::at(0.7, &judged(&results), 2), best);
        assert_eq!(OperatingPoint::best(&judged(&results[..1]), 2), None);
        let nothing = OperatingPoint::at(0.5, &[], 0);
        assert_eq!((nothing.precision, nothing.recall, nothing.f1), (None, None, 0.0));
    }
}
