//! Masks as COCO and YouTube-VIS know them: run lengths, polygons, bitmaps, boxes and their IoU.
//!
//! Source: the COCO mask API (`maskApi.c`) and the YouTube-VIS edition of `cocoapi`; run-length
//! strings, polygon pixels and areas are equal to theirs bit by bit.
//!
//! # Examples
//!
//! ```
//! use seqformer_masks::{ImageSize, Polygon, Rle};
//!
//! let size = ImageSize { height: 20, width: 30 };
//! let square = Polygon::from_xy(&[2.0, 3.0, 12.0, 3.0, 12.0, 13.0, 2.0, 13.0])?;
//! let mask = square.rasterize(size);
//! assert_eq!(mask.area(), 100);
//! assert_eq!(Rle::parse_compressed(size, &mask.to_compressed())?, mask);
//! # Ok::<(), seqformer_masks::MaskError>(())
//! ```
#![forbid(unsafe_code)]

mod bitmask;
mod boxes;
mod error;
mod image_size;
mod iou;
mod packed_track;
mod polygon;
mod rle;

pub use bitmask::BitMask;
pub use boxes::{BoxCxcywh, BoxXywh, BoxXyxy};
pub use error::MaskError;
pub use image_size::ImageSize;
pub use iou::{IouMatrix, Overlap, box_iou, mask_iou, track_iou};
pub use packed_track::PackedTrack;
pub use polygon::Polygon;
pub use rle::Rle;
