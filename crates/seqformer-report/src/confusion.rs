//! Which classes are taken for which.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use seqformer_evaluation::TruthTrack;
use seqformer_metrics::{ErrorKind, ErrorReport};

/// Counts of pairs: the class of an object, and that of a result on it; nothing is no object, or no result.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Confusion {
    pub(crate) counts: BTreeMap<(Option<usize>, Option<usize>), usize>,
}

impl Confusion {
    /// Counts results with at least a score: those that are right, those of a wrong class, and those on nothing; and
    /// the objects that no such result is on. `objects` are all annotations with the place of their class.
    pub(crate) fn new(
        errors: &ErrorReport,
        objects: &[(usize, &TruthTrack)],
        min_score: f64,
    ) -> Self {
        let scores: BTreeMap<usize, f64> =
            errors.results.iter().map(|result| (result.result, result.score)).collect();
        let class_of: BTreeMap<i64, usize> =
            objects.iter().map(|(category, track)| (track.id, *category)).collect();
        let mut confusion = Self::default();
        let mut seen: BTreeSet<i64> = BTreeSet::new();
        for result in &errors.results {
            if result.is_right == Some(true) && result.score >= min_score {
                confusion.add(Some(result.category), Some(result.category));
                seen.extend(result.truth);
            }
        }
        for error in &errors.errors {
            let Some(score) = error.result.and_then(|result| scores.get(&result)) else { continue };
            if *score < min_score {
                continue;
            }
            match error.kind {
                ErrorKind::Background => confusion.add(None, Some(error.category)),
                ErrorKind::Class => {
                    let object = error.truths.first().copied();
                    let class = object.and_then(|id| class_of.get(&id).copied());
                    confusion.add(class, Some(error.category));
                    seen.extend(object);
                }
                _ => {}
            }
        }
        for (category, track) in objects {
            if !track.is_crowd && !seen.contains(&track.id) {
                confusion.add(Some(*category), None);
            }
        }
        confusion
    }

    fn add(&mut self, object: Option<usize>, result: Option<usize>) {
        *self.counts.entry((object, result)).or_default() += 1;
    }

    /// Returns the count of a pair.
    pub(crate) fn count(&self, object: Option<usize>, result: Option<usize>) -> usize {
        self.counts.get(&(object, result)).copied().unwrap_or(0)
    }

    /// Returns at most so many classes, those first that are confused most often, then those seen most often.
    pub(crate) fn classes(&self, most: usize) -> Vec<usize> {
        let mut weights: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (&(object, result), &count) in &self.counts {
            for class in object.into_iter().chain(result) {
                let (confused, seen) = weights.entry(class).or_default();
                *confused +=
                    count * usize::from(object.is_some() && result.is_some() && object != result);
                *seen += count;
            }
        }
        let mut classes: Vec<(usize, (usize, usize))> = weights.into_iter().collect();
        classes.sort_by_key(|&(_, weight)| Reverse(weight));
        let mut classes: Vec<usize> =
            classes.into_iter().map(|(class, _)| class).take(most).collect();
        classes.sort_unstable();
        classes
    }

    /// Returns the pairs of different classes, the most frequent first.
    pub(crate) fn pairs(&self) -> Vec<(usize, usize, usize)> {
        let mut pairs: Vec<(usize, usize, usize)> = (self.counts.iter())
            .filter_map(|(&(object, result), &count)| Some((object?, result?, count)))
            .filter(|(object, result, _)| object != result)
            .collect();
        pairs.sort_by_key(|&(_, _, count)| Reverse(count));
        pairs
    }
}
