//! `INPUT`: sampling of frames, sizes and augmentation.

use super::read::Reader;
use crate::ConfigError;

/// The names that `INPUT.AUGMENTATIONS` takes.
const AUGMENTATIONS: [&str; 4] = ["brightness", "contrast", "saturation", "rotation"];

/// `INPUT`.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the configuration")]
#[derive(Debug, Clone, PartialEq)]
pub struct InputSection {
    /// `SAMPLING_FRAME_NUM`: frames of a training clip.
    pub sampling_frame_num: usize,
    /// `SAMPLING_FRAME_RANGE`: how far a frame may lie from the first chosen one.
    pub sampling_frame_range: usize,
    /// `SAMPLING_INTERVAL`: distance between the candidate frames.
    pub sampling_interval: usize,
    /// `SAMPLING_FRAME_SHUFFLE`: shuffles the frames of a clip.
    pub sampling_frame_shuffle: bool,
    /// `AUGMENTATIONS`: any of `brightness`, `contrast`, `saturation` and `rotation`.
    pub augmentations: Vec<String>,
    /// `MIN_SIZE_TRAIN`: the short edges to choose from, in pixels; 0 does not resize.
    pub min_size_train: Vec<u32>,
    /// `MAX_SIZE_TRAIN`: limit of the long edge in pixels.
    pub max_size_train: u32,
    /// `MIN_SIZE_TRAIN_SAMPLING`.
    pub min_size_train_sampling: ShortEdgeSampling,
    /// `MIN_SIZE_TEST`: short edge in pixels; 0 does not resize.
    pub min_size_test: u32,
    /// `MAX_SIZE_TEST`: limit of the long edge in pixels.
    pub max_size_test: u32,
    /// `RANDOM_FLIP`.
    pub random_flip: RandomFlip,
    /// `CROP`.
    pub crop: CropSection,
    /// `FORMAT`.
    pub format: ImageFormat,
    /// `COCO_PRETRAIN`: trains on pseudo-clips of images alone.
    pub coco_pretrain: bool,
    /// `PAD_TO_BATCH`: clips are padded to the largest of the whole batch.
    pub pad_to_batch: bool,
    /// `PRETRAIN_SAME_CROP`: all views of a pseudo-clip are the same.
    pub pretrain_same_crop: bool,
    /// `PRETRAIN_TYPE`.
    pub pretrain_type: PseudoClips,
}

/// `INPUT.PRETRAIN_TYPE`: how images become clips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PseudoClips {
    /// `v1`: flips and crops.
    V1,
    /// `coco2seq`: the image and warped, shifted, turned and blurred copies of it.
    Coco2Seq,
}

/// `INPUT.CROP`.
#[derive(Debug, Clone, PartialEq)]
pub struct CropSection {
    /// `ENABLED`.
    pub enabled: bool,
    /// `TYPE`.
    pub crop_type: CropType,
    /// `SIZE`: height and width, in pixels or as fractions, as `crop_type` says.
    pub size: [f64; 2],
}

/// `INPUT.CROP.TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CropType {
    /// `relative`: a fixed fraction of the image.
    Relative,
    /// `relative_range`: a random fraction from `size` to 1.
    RelativeRange,
    /// `absolute`: a fixed size.
    Absolute,
    /// `absolute_range`: random sides between the two numbers of `size`.
    AbsoluteRange,
}

/// `INPUT.FORMAT`: the channel order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// `RGB`.
    Rgb,
    /// `BGR`.
    Bgr,
}

/// `INPUT.MIN_SIZE_TRAIN_SAMPLING`: how the short edge is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShortEdgeSampling {
    /// `choice`: one of the sizes for every frame.
    Choice,
    /// `range`: any size between the two, for every frame.
    Range,
    /// `choice_by_clip`: one of the sizes for every clip.
    ChoiceByClip,
    /// `range_by_clip`: any size between the two, for every clip.
    RangeByClip,
}

/// `INPUT.RANDOM_FLIP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RandomFlip {
    /// `none`.
    None,
    /// `horizontal`: drawn for every frame.
    Horizontal,
    /// `vertical`: drawn for every frame.
    Vertical,
    /// `flip_by_clip`: horizontal, drawn for every clip.
    FlipByClip,
}

impl InputSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let sampling = read_sampling(reader)?;
        let flips = [
            ("none", RandomFlip::None),
            ("horizontal", RandomFlip::Horizontal),
            ("vertical", RandomFlip::Vertical),
            ("flip_by_clip", RandomFlip::FlipByClip),
        ];
        let pseudo_clips = [("v1", PseudoClips::V1), ("coco2seq", PseudoClips::Coco2Seq)];
        let formats = [("RGB", ImageFormat::Rgb), ("BGR", ImageFormat::Bgr)];
        Ok(Self {
            sampling_frame_num: reader.positive("INPUT.SAMPLING_FRAME_NUM")?,
            sampling_frame_range: reader.at_least("INPUT.SAMPLING_FRAME_RANGE", 0)?,
            sampling_interval: reader.positive("INPUT.SAMPLING_INTERVAL")?,
            sampling_frame_shuffle: reader.bool("INPUT.SAMPLING_FRAME_SHUFFLE")?,
            augmentations: read_augmentations(reader)?,
            min_size_train: read_min_size_train(reader, sampling)?,
            max_size_train: reader.positive("INPUT.MAX_SIZE_TRAIN")?,
            min_size_train_sampling: sampling,
            min_size_test: reader.at_least("INPUT.MIN_SIZE_TEST", 0)?,
            max_size_test: reader.positive("INPUT.MAX_SIZE_TEST")?,
            random_flip: reader.choice("INPUT.RANDOM_FLIP", &flips)?,
            crop: CropSection::read(reader)?,
            format: reader.choice("INPUT.FORMAT", &formats)?,
            coco_pretrain: reader.bool("INPUT.COCO_PRETRAIN")?,
            pad_to_batch: reader.bool("INPUT.PAD_TO_BATCH")?,
            pretrain_same_crop: reader.bool("INPUT.PRETRAIN_SAME_CROP")?,
            pretrain_type: reader.choice("INPUT.PRETRAIN_TYPE", &pseudo_clips)?,
        })
    }
}

fn read_sampling(reader: &Reader<'_>) -> Result<ShortEdgeSampling, ConfigError> {
    let samplings = [
        ("choice", ShortEdgeSampling::Choice),
        ("range", ShortEdgeSampling::Range),
        ("choice_by_clip", ShortEdgeSampling::ChoiceByClip),
        ("range_by_clip", ShortEdgeSampling::RangeByClip),
    ];
    reader.choice("INPUT.MIN_SIZE_TRAIN_SAMPLING", &samplings)
}

fn read_augmentations(reader: &Reader<'_>) -> Result<Vec<String>, ConfigError> {
    const KEY: &str = "INPUT.AUGMENTATIONS";
    let names = reader.texts(KEY)?;
    if names.iter().all(|name| AUGMENTATIONS.contains(&name.as_str())) {
        Ok(names)
    } else {
        Err(reader.fail(KEY, &format!("a list of any of {}", AUGMENTATIONS.join(", "))))
    }
}

fn read_min_size_train(
    reader: &Reader<'_>,
    sampling: ShortEdgeSampling,
) -> Result<Vec<u32>, ConfigError> {
    const KEY: &str = "INPUT.MIN_SIZE_TRAIN";
    let sizes: Option<Vec<u32>> =
        reader.ints(KEY)?.into_iter().map(|size| u32::try_from(size).ok()).collect();
    let sizes = sizes.filter(|sizes| !sizes.is_empty());
    let sizes = sizes.ok_or_else(|| reader.fail(KEY, "one or more sizes of 0 or more"))?;
    let is_range = matches!(sampling, ShortEdgeSampling::Range | ShortEdgeSampling::RangeByClip);
    if is_range && (sizes.len() != 2 || sizes[0] > sizes[1]) {
        let expected = "the smallest and the largest size, as MIN_SIZE_TRAIN_SAMPLING is a range";
        return Err(reader.fail(KEY, expected));
    }
    Ok(sizes)
}

impl CropSection {
    fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        const SIZE: &str = "INPUT.CROP.SIZE";
        let types = [
            ("relative", CropType::Relative),
            ("relative_range", CropType::RelativeRange),
            ("absolute", CropType::Absolute),
            ("absolute_range", CropType::AbsoluteRange),
        ];
        let enabled = reader.bool("INPUT.CROP.ENABLED")?;
        let crop_type = reader.choice("INPUT.CROP.TYPE", &types)?;
        let size: [f64; 2] = reader.array(SIZE, reader.floats(SIZE)?)?;
        if enabled {
            check_crop_size(reader, crop_type, size)?;
        }
        Ok(Self { enabled, crop_type, size })
    }
}

fn check_crop_size(
    reader: &Reader<'_>,
    crop_type: CropType,
    size: [f64; 2],
) -> Result<(), ConfigError> {
    let is_pixels = |side: f64| side >= 1.0 && side <= f64::from(u32::MAX) && side.fract() == 0.0;
    let (is_valid, expected) = match crop_type {
        CropType::Relative | CropType::RelativeRange => {
            (size.iter().all(|side| *side > 0.0 && *side <= 1.0), "two fractions above 0, up to 1")
        }
        CropType::Absolute => {
            (size.iter().all(|side| is_pixels(*side)), "a height and a width in pixels")
        }
        CropType::AbsoluteRange => (
            size.iter().all(|side| is_pixels(*side)) && size[0] <= size[1],
            "the smallest and the largest side in pixels",
        ),
    };
    if is_valid { Ok(()) } else { Err(reader.fail("INPUT.CROP.SIZE", expected)) }
}
