//! Results as files of other tools.
//!
//! An [`Export`] is what was found in videos: [`FoundVideo`]s, whose tracks have scores. [`Export::write`] writes them as one of the
//! [`Kind`]s: annotation formats by the writers of `seqformer-convert`, and what annotations have no format for here: a table,
//! cut-out objects, and films of masks. [`read_results`] reads a results file, with what is known of its videos; a prediction makes
//! its `Export` from what it has in memory. What a kind cannot hold is counted in
//! [`Notes`](seqformer_convert::Notes).
//!
//! # Examples
//!
//! ```no_run
//! use std::path::Path;
//! use std::sync::atomic::AtomicBool;
//! use seqformer_convert::Notes;
//! use seqformer_export::{Kind, Request, Selection, Tools, read_results};
//! use seqformer_video::FfmpegLocation;
//!
//! # fn main() -> Result<(), seqformer_export::ExportError> {
//! let request = Request { selection: Selection { score_threshold: Some(0.3), max_tracks: None }, ..Request::new(Path::new("found")) };
//! let (ffmpeg, stop) = (FfmpegLocation::find(None), AtomicBool::new(false));
//! let tools = Tools { ffmpeg: &ffmpeg, stop: &stop };
//! let mut notes = Notes::default();
//! let found = read_results(&request, Kind::Cvat, &tools, &mut notes)?;
//! found.write(Kind::Cvat, Path::new("found_cvat"), &tools, &mut notes)?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod context;
mod cutout;
mod error;
mod found;
mod kind;
mod known_videos;
mod mask_film;
mod overlap;
mod predict_folder;
mod read;
mod request;
mod selection;
mod table;
mod write;

#[cfg(test)]
mod testing;

pub use error::ExportError;
pub use found::{Export, FoundVideo, Tools};
pub use kind::Kind;
pub use read::read_results;
pub use request::Request;
pub use selection::Selection;
