//! Annotation files of YouTube-VIS and COCO, read by one set of rules.
//!
//! Training, evaluation, scoring and conversion all read through this crate, so all of them accept
//! the same files. The rules are as tolerant as the official tools wherever these give a number
//! (`cocoapi` of YouTube-VIS, pycocotools, and detectron2's loaders): ids may be written as `1.0` or
//! as strings, `iscrowd` may be null, empty frames may be null, `[]` or `{}`, and unused fields may
//! contain anything. What is dropped is counted in [`Note`]s. Errors are [`Fault`]s, which name the
//! entry, the field, what was expected and found, and how to fix it.
//!
//! Files are streamed: a few megabytes of text are in memory at a time, and elements are parsed by
//! all threads.
//!
//! # Examples
//!
//! ```no_run
//! use std::path::Path;
//! use seqformer_annotations::YtvisFile;
//!
//! # fn main() -> Result<(), seqformer_annotations::AnnotationError> {
//! let file = YtvisFile::read(Path::new("train.json"))?;
//! for note in &file.notes {
//!     eprintln!("{note}");
//! }
//! assert!(file.annotations.iter().all(|track| file.videos.contains_key(&track.video_id)));
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod coco;
mod dataset_kind;
mod entry;
mod error;
mod exhaustive;
mod id;
pub mod json;
mod list;
mod mask;
mod note;
mod value;
mod ytvis;

pub use coco::{CocoFile, Image, ObjectEntry};
pub use dataset_kind::DatasetKind;
pub use entry::{BoxField, Entry};
pub use error::{AnnotationError, Fault, WrongFile};
pub use exhaustive::{LISTS_OF_CATEGORIES, LabelLists, read_category_ids};
pub use id::{Id, Ids};
pub use list::{Category, CategoryList, place_of, read_list};
pub use mask::{Dropped, Mask, other_size, read_size};
pub use note::{Note, Subject};
pub use value::{describe, is_absent, whole_number};
pub use ytvis::{CompressedTrack, TrackEntry, TrackMasks, Video, YtvisFile};

use std::path::Path;

/// Reads only the categories of an annotation file.
///
/// # Errors
///
/// A file that cannot be read or is not an annotation file, or a category without an id.
pub fn read_categories(path: &Path) -> Result<CategoryList, AnnotationError> {
    let mut categories = CategoryList::default();
    let mut file = json::JsonFile::open(path)?;
    file.for_each_key(|file, key| {
        match key {
            "categories" if !file.skip_null()? => categories = CategoryList::read(file)?,
            "categories" => {}
            _ => list::skip(file)?,
        }
        Ok(())
    })?;
    file.finish()?;
    Ok(categories)
}
