//! From files to clips, without tensors: images, annotations, augmentation, order and loading.
//!
//! A [`Catalog`] finds datasets by name, [`DatasetSource::read`] returns their [`VideoRecord`]s, a
//! [`ClipMapper`] turns them into [`ClipSample`]s, a [`BatchSampler`] determines the order, and a
//! [`Loader`] runs all of this on threads. [`synth`] writes synthetic datasets.
//!
//! Pixels are equal to those of the Python reference (Pillow 9.5, libjpeg-turbo and OpenCV 4.5),
//! bit by bit. All randomness is derived from one seed and the position in the stream, whatever the
//! number of threads.
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
mod categories;
mod category_map;
mod class_table;
mod clip_sampling;
mod coco_subset;
mod cutout_clip;
pub mod cutouts;
mod error;
mod image;
mod loader;
mod mapper;
mod original;
mod random;
mod record;
mod resize;
mod sampler;
mod still_to_clip;
mod stratification;
pub mod synth;
mod training_set;
mod transforms;
mod trigonometry;

pub use annotations::{AnnotatedVideos, read_categories, read_coco, read_ytvis};
pub use augmentation::{Augmentation, Drawn, FrameStep, RandomCrop, RandomFlip, ShortEdge};
pub use catalog::{Catalog, DatasetSource};
pub use categories::Categories;
pub use category_map::{CategoryMap, CocoTable};
pub use class_table::ClassTable;
pub use clip_sampling::ClipSampling;
pub use coco_subset::{CocoSubset, write_coco_subset};
pub use cutout_clip::CutoutMapper;
pub use error::DataError;
pub use image::{
    DecodedImage, RgbImage, animation_delays, decode_image, is_turned_by_exif, read_image,
    read_image_logged,
};
pub use loader::Loader;
pub use mapper::{
    AbsentInstances, ClipInstance, ClipMapper, ClipSample, InstanceFrame, TestMapper,
};
pub use original::{OriginalMapper, OriginalSource};
pub use random::{Purpose, Random};
pub use record::{FrameAnnotation, Segmentation, TrackAnnotation, VideoRecord};
pub use resize::{resize_bilinear, resize_nearest_mask, shortest_edge_size};
pub use sampler::{BatchSampler, Mixture, Shard, StreamEntry, TrainingSampler};
pub use seqformer_annotations::DatasetKind;
pub use still_to_clip::{PseudoClip, StillMapper};
pub use stratification::{sizes_by_weight, stratify};
pub use training_set::{ClipSource, Mapper, TrainingPart, TrainingSet};
pub use transforms::{
    Affine, Blend, CropWindow, HueSaturation, MotionBlur, Perspective, PhotometricDistort,
    Rotation, ShiftColor, Transform, transform_segmentation,
};
