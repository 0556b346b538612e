//! Annotations of other tools and datasets: read into one model, and written from it.
//!
//! A [`Dataset`] is what all formats have in common: videos with the names and sizes of their frames, and
//! tracks with a class, marks, and a shape in each frame, which stays what the file has: run lengths,
//! polygons or a box. [`Format`] is the list of formats, each with a [`Reader`] and, where it can be
//! written, a [`Writer`]; [`guess`] tells the format of a file or folder. What a format cannot hold is
//! counted in [`Notes`], and never dropped in silence. [`convert`] does all of it in one step. [`check`] is a doctor for
//! YouTube-VIS and COCO files and their frames.
//!
//! # Examples
//!
//! ```no_run
//! use std::path::Path;
//! use seqformer_convert::{Conversion, Format, convert};
//!
//! # fn main() -> Result<(), seqformer_convert::ConvertError> {
//! let conversion = Conversion::new(Path::new("task/annotations.xml"), Format::Ytvis, Path::new("train.json"));
//! let done = convert(&conversion)?;
//! println!("read as {}: {} videos", done.from, done.num_videos);
//! for note in done.notes.lines() {
//!     println!("{note}");
//! }
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod archive;
mod builder;
pub mod check;
mod contour;
mod conversion;
mod dataset;
mod error;
mod format;
mod formats;
mod frames;
mod geometry;
mod guess;
mod ids;
mod input;
mod interface;
mod json_out;
mod label_image;
mod mots;
mod names;
mod notes;
mod pictures;
mod png_sequences;
mod text_file;
mod xml;

#[cfg(test)]
mod testing;

pub use contour::{outline, outlines};
pub use conversion::{
    Conversion, Converted, MAX_FRAMES, ReadDataset, check_sizes, claim_folder, convert, fill_boxes,
    read,
};
pub use dataset::{Category, Dataset, Occlusion, Shape, Shapes, Track, Video};
pub use error::ConvertError;
pub use format::Format;
pub use guess::guess;
pub use input::{Input, temporary_folder};
pub use interface::{FileWriter, FolderWriter, ReadOptions, Reader, Writer};
pub use json_out::JsonOut;
pub use names::of_video;
pub use notes::Notes;
pub use pictures::list_images;
