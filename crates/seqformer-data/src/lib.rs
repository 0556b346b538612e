//! From files to clips, without tensors: reading and resizing images.
//!
//! Pixels are equal to those of the Python reference (Pillow 9.5 and libjpeg-turbo), bit by bit.
//!
//! # Examples
//!
//! ```
//! use seqformer_data::{RgbImage, resize_bilinear, shortest_edge_size};
//! use seqformer_masks::ImageSize;
//!
//! let frame = RgbImage::new(ImageSize { height: 72, width: 128 });
//! let size = shortest_edge_size(frame.size, 36, 1333);
//! assert_eq!(resize_bilinear(&frame, size).size, ImageSize { height: 36, width: 64 });
//! ```
#![forbid(unsafe_code)]

mod annotations;
mod augmentation;
mod catalog;
mod clip_sampling;
mod error;
mod image;
mod mapper;
mod random;
mod record;
mod resize;
pub mod synth;
mod transforms;

pub use annotations::{AnnotatedVideos, Categories, read_coco, read_ytvis};
pub use augmentation::{Augmentation, FrameStep, RandomCrop, RandomFlip, ShortEdge};
pub use catalog::{Catalog, ClassTable, DatasetKind, DatasetSource};
pub use clip_sampling::ClipSampling;
pub use error::{AnnotationError, DataError};
pub use image::{DecodedImage, RgbImage, decode_image, read_image};
pub use mapper::{
    ClipInstance, ClipMapper, ClipSample, InstanceFrame, TestMapper, UnseenInstances,
};
pub use random::{Purpose, Random};
pub use record::{FrameAnnotation, Segmentation, TrackAnnotation, VideoRecord};
pub use resize::{resize_bilinear, resize_nearest_mask, shortest_edge_size};
pub use transforms::{Blend, CropWindow, Rotation, Transform, transform_segmentation};
