//! Metrics of tracks beside average precision: HOTA, CLEAR on masks, identity, J and F, TETA.
//!
//! Every metric compares the masks of one video and class at a time and keeps counts that add up
//! over videos, so that averages, classes and videos come from one pass. The numbers are those of
//! TrackEval, of the DAVIS evaluation and of TETA's own code; each module names its source.
//!
//! # Examples
//!
//! ```no_run
//! use std::path::Path;
//! use seqformer_evaluation::{GroundTruth, Results};
//! use seqformer_metrics::{Metric, Selection, TrackMetrics};
//!
//! # fn main() -> Result<(), seqformer_evaluation::EvaluationError> {
//! let truth = GroundTruth::read(Path::new("valid.json"))?;
//! let results = Results::read(Path::new("results.json"))?;
//! let metrics = [Metric::Hota, Metric::Identity];
//! let evaluated = TrackMetrics::evaluate(&truth, &results, &metrics, Selection::default())?;
//! for report in evaluated.reports() {
//!     let text = report.table(true, false).to_string();
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod alignment;
mod boundary;
mod clear;
mod compare;
mod counts;
mod davis;
mod disjoint;
mod errors;
mod evaluate;
mod hota;
mod identity;
mod mots;
mod report;
mod sequence;
mod teta;
mod threshold_counts;
mod tracks;

pub use compare::{
    Bootstrap, ComparedMetric, Comparison, ComparisonTable, Difference, Draws, compare,
};
pub use counts::{Score, ScoreValue, Scores};
pub use errors::{
    ERROR_KINDS, ErrorKind, ErrorReport, ErrorTable, JudgedResult, KindReport, TrackError,
};
pub use evaluate::{Metric, TrackMetrics, class_names};
pub use report::{Average, MetricReport, Row, Table};
pub use tracks::{EmptyMasks, Selection};
