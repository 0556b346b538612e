//! Reports: what a model does, as pages to look at.
//!
//! [`write_report`] makes a folder of pages from annotations and results in the format of YouTube-VIS: numbers, plots,
//! tables, galleries, and a player that draws masks over the frames. The folder opens from a disk as well as from a
//! server, and needs nothing else: numbers are in the pages, and the masks of a video in a script that is loaded when
//! the video is looked at. Numbers are those of `seqformer-evaluation` and `seqformer-metrics`.
//!
//! # Examples
//!
//! ```no_run
//! use std::path::PathBuf;
//! use seqformer_report::{ReportPlan, write_report};
//!
//! # fn main() -> Result<(), seqformer_report::ReportError> {
//! let written = write_report(&ReportPlan {
//!     gt: PathBuf::from("valid.json"),
//!     results: vec![PathBuf::from("results.json")],
//!     frames: Some(PathBuf::from("JPEGImages")),
//!     copy_frames: false,
//!     run: None,
//!     min_score: None,
//!     output: PathBuf::from("report"),
//!     overwrite: false,
//! })?;
//! println!("{}", written.index.display());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod calibration;
mod confusion;
mod dataset;
mod error;
mod frames;
mod lists;
mod operating_point;
mod outcomes;
mod pages;
mod plots;
mod report;
mod scored;
mod site;
mod summary;
mod tables;
mod training;
mod video_tracks;

pub use error::ReportError;
pub use report::{ReportPlan, WrittenReport, write_report};
