//! Average precision and recall of YouTube-VIS and COCO, results files and their checks.
//!
//! Source: the YouTube-VIS edition of `cocoapi` (`YTVOS`, `YTVOSeval`); the numbers are equal to
//! its numbers, with every rule of it, down to the order of equal scores. For single images,
//! [`CocoEvaluator`] does the same with pycocotools' `COCOeval`, by masks or by boxes. Videos and
//! images are scored in parallel, and each thread holds the masks of one of them and one category
//! at a time.
//!
//! # Examples
//!
//! ```no_run
//! use std::path::Path;
//! use seqformer_evaluation::{GroundTruth, Results, YtvisEvaluator};
//!
//! # fn main() -> Result<(), seqformer_evaluation::EvaluationError> {
//! let truth = GroundTruth::read(Path::new("valid.json"))?;
//! let results = Results::read(Path::new("results.json"))?;
//! let evaluation = YtvisEvaluator::new(&truth).evaluate(&results)?;
//! let report = evaluation.report();
//! let text = format!("{}{}", report.summary(), report.per_class_table());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod check_ground_truth;
mod coco;
mod error;
mod evaluation;
mod ground_truth;
mod matching;
mod object_group;
mod other_sizes;
mod paired_video;
mod parameters;
mod precision_recall;
mod report;
mod resampling;
mod results;
mod track;
mod ytvis;

pub use check_ground_truth::check_ground_truth;
pub use coco::{
    CocoAnnotation, CocoDetection, CocoEvaluator, CocoGroundTruth, CocoResults, CocoResultsWriter,
    ImageResult, IouKind, check_coco_results,
};
pub use error::EvaluationError;
pub use evaluation::Evaluation;
pub use ground_truth::{GroundTruth, TruthTrack};
pub use matching::{TrackMatch, match_tracks};
pub use object_group::ObjectGroup;
pub use paired_video::{PairedResult, PairedTruth, PairedVideo};
pub use parameters::{AREA_RANGES, AreaRange, COCO_AREA_RANGES};
pub use precision_recall::{MAX_DETECTIONS, PrecisionRecall, average_precision};
pub use report::{CLASS_PREFIX, ClassScore, PerClassTable, Report, STAT_NAMES, Summary};
pub use resampling::VideoMatches;
pub use results::{
    CheckReport, ResultEntry, ResultFault, Results, ResultsWriter, TrackResult, check_results,
    write_archive,
};
pub use seqformer_annotations::DatasetKind;
pub use ytvis::{GroupScore, YtvisEvaluator};
