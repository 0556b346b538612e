//! Frames in and out: folders of images, video files, and pictures of what was found in them.
//!
//! A video is read as a stream of frames and never held in memory as a whole; read it a second
//! time to draw on it. Video files go through an `ffmpeg` child process in both directions. Folders
//! of images and animated GIF, WebP and PNG files work without one.
//!
//! ```no_run
//! use std::path::Path;
//! use seqformer_video::{
//!     FfmpegLocation, FrameSink, FrameSource, OverlayObject, draw_overlay, track_color,
//! };
//! # fn tracks_at(_: usize) -> Vec<(u64, seqformer_masks::Rle)> { Vec::new() }
//!
//! # fn main() -> Result<(), seqformer_video::VideoError> {
//! let ffmpeg = FfmpegLocation::find(None);
//! let source = FrameSource::open(Path::new("street.mp4"), &ffmpeg)?;
//! let fps = source.fps().unwrap_or(10.0);
//! let mut sink = FrameSink::video(Path::new("overlay.mp4"), fps, &ffmpeg)?;
//! for (index, frame) in source.frames()?.enumerate() {
//!     let mut image = frame?.image;
//!     let masks = tracks_at(index);
//!     let objects: Vec<OverlayObject<'_>> = masks
//!         .iter()
//!         .map(|(track, mask)| OverlayObject {
//!             mask,
//!             color: track_color(*track),
//!             label: format!("person #{track}"),
//!         })
//!         .collect();
//!     draw_overlay(&mut image, &objects)?;
//!     sink.write(&image)?;
//! }
//! let written = sink.finish()?;
//! # let _ = written;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod contact_sheet;
mod draw;
mod error;
mod ffmpeg;
mod format;
mod palette;
mod resize;
mod sink;
mod source;
mod text;
mod timing;

pub use contact_sheet::ContactSheet;
pub use draw::{OverlayObject, draw_overlay, draw_overlay_with_fonts};
pub use error::VideoError;
pub use ffmpeg::FfmpegLocation;
pub use format::{FilmFormat, PixelAspect};
pub use palette::track_color;
pub use sink::{FolderWriter, FrameFolder, FrameSink, Written, write_jpeg};
pub use source::{Frame, FrameSource, Frames};
pub use text::Fonts;
pub use timing::{FrameRate, Timing};
