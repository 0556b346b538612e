//! The outcome of scoring a set of results.

use std::collections::BTreeMap;

use seqformer_annotations::Category;

use crate::matching::CategoryMatches;
use crate::{PrecisionRecall, Report};

/// The scores of one set of results.
#[derive(Debug, Clone)]
pub struct Evaluation {
    categories: Vec<Category>,
    curves: PrecisionRecall,
}

impl Evaluation {
    /// Accumulates the matches of the categories that have any, given by their index in
    /// `categories`.
    pub(crate) fn new(
        categories: Vec<Category>,
        matches: &BTreeMap<usize, Vec<CategoryMatches>>,
    ) -> Self {
        let curves = PrecisionRecall::new(categories.len(), matches);
        Self { categories, curves }
    }

    /// Returns the categories, in the order of the arrays.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// Returns precision and recall of every setting.
    pub fn curves(&self) -> &PrecisionRecall {
        &self.curves
    }

    /// Summarizes the numbers.
    pub fn report(&self) -> Report {
        Report::new(&self.categories, &self.curves)
    }
}
