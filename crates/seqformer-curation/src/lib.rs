//! Datasets of videos: statistics, splitting, merging, and subsets.
//!
//! [`Statistics`] counts what a dataset of any format holds. [`split`], [`merge`] and [`subset`] write YouTube-VIS
//! files: entries go from file to file one by one, with all their fields, so that the size of a file does not matter;
//! datasets of other formats are converted first ([`Source`]).
//!
//! # Examples
//!
//! ```no_run
//! use std::path::Path;
//! use seqformer_convert::ReadOptions;
//! use seqformer_curation::{Part, Source, Split, split};
//!
//! # fn main() -> Result<(), seqformer_curation::CurationError> {
//! let source = Source::open(Path::new("all.json"), None, &ReadOptions::default())?;
//! let part = |name: &str, weight| Part { path: format!("{name}.json").into(), weight };
//! let parts = vec![part("train", 80.0), part("val", 20.0)];
//! for part in split(&source, &Split { parts, seed: 0 })? {
//!     println!("{} videos, {} objects", part.num_videos, part.num_tracks);
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod error;
mod index;
mod merge;
mod output;
mod source;
mod split;
mod statistics;
mod subset;

#[cfg(test)]
mod testing;

pub use error::CurationError;
pub use merge::{Merge, MergeInput, Merged, merge};
pub use source::Source;
pub use split::{Part, PartCounts, Split, split};
pub use statistics::{
    ClassCounts, Distribution, FrameSizes, OcclusionCounts, Reappearance, SizeCounts, Statistics,
};
pub use subset::{Subset, SubsetCounts, subset};
