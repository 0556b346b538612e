//! What scoring a set of results gives.

use crate::precision::CategoryMatches;
use crate::{Category, PrecisionRecall, Report};

/// The numbers of one set of results.
#[derive(Debug, Clone)]
pub struct Evaluation {
    categories: Vec<Category>,
    curves: PrecisionRecall,
}

impl Evaluation {
    /// Accumulates the matches of every category, given in the order of `categories`.
    pub(crate) fn new(categories: Vec<Category>, matches: &[Vec<CategoryMatches>]) -> Self {
        Self { categories, curves: PrecisionRecall::new(matches) }
    }

    /// Returns the categories, in the order of the arrays.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// Returns precision and recall of every setting.
    pub fn curves(&self) -> &PrecisionRecall {
        &self.curves
    }

    /// Sums the numbers up.
    pub fn report(&self) -> Report {
        Report::new(&self.categories, &self.curves)
    }
}
