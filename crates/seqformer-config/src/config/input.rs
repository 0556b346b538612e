//! `INPUT`: sampling of frames, sizes and augmentation.

use super::choice::{Choice as _, choice};
use super::crop::CropSection;
use super::cutouts::CutoutsSection;
use super::read::Reader;
use super::section::section;
use crate::ConfigError;
use crate::spec::Shown::{self, By};
use crate::spec::tests_in::{
    AUGMENTATION, CLIP_SAMPLING, FRONT_DOOR, PREDICTOR, STILL_TO_CLIP, TRAIN,
};

const SAMPLING: Shown =
    By(CLIP_SAMPLING, "frames_are_sorted_near_one_of_them_and_that_one_occurs_once");

section! {
    /// `INPUT`.
    pub struct InputSection {
        data_path: DataPath = "INPUT.DATA_PATH" or "'vnext'", data_path,
            "How data become training clips: vnext, or original, with which the published numbers were made. That \
             one draws frames, not videos; takes a frame, one within 3 frames on either side of it and the others from \
             the whole video; distorts the colours of videos; crops after a first resize; makes clips of images as \
             PRETRAIN_TYPE coco2seq; and replaces clips without objects, and those of images with more than 25. \
             SAMPLING_FRAME_RANGE, SAMPLING_INTERVAL, SAMPLING_FRAME_SHUFFLE and PRETRAIN_* then have no \
             effect, sizes and flips are always drawn by clip, and DROP_ABSENT is always on.",
            By("seqformer-training-data/src/mappers.rs", "recipes_of_published_numbers_have_the_original_data_path");
        sampling_frame_num: usize = "INPUT.SAMPLING_FRAME_NUM" or "1", Reader::positive,
            "Frames of a training clip.", SAMPLING;
        sampling_frame_range: usize = "INPUT.SAMPLING_FRAME_RANGE" or "10", Reader::count,
            "How far a frame may lie from the first chosen one.", SAMPLING;
        sampling_interval: usize = "INPUT.SAMPLING_INTERVAL" or "1", Reader::positive,
            "Distance between the candidate frames.", SAMPLING;
        sampling_frame_shuffle: bool = "INPUT.SAMPLING_FRAME_SHUFFLE" or "False", Reader::bool,
            "Shuffles the frames of a clip.",
            By(CLIP_SAMPLING, "shuffled_frames_are_not_always_sorted");
        augmentations: Vec<FrameAugmentation> = "INPUT.AUGMENTATIONS" or "[]", augmentations,
            "Any of brightness, contrast, saturation and rotation.",
            By(AUGMENTATION, "colours_and_rotation_are_drawn_for_each_frame_in_a_fixed_order");
        min_size_train: Vec<u32> = "INPUT.MIN_SIZE_TRAIN" or "(800,)", min_size_train,
            "Short edges to choose from in training, in pixels.",
            By(AUGMENTATION, "half_of_the_clips_are_mirrored_and_every_size_occurs");
        min_size_train_sampling: ShortEdgeSampling = "INPUT.MIN_SIZE_TRAIN_SAMPLING" or "'choice'", Reader::choice,
            "How the short edge is drawn: choice or range for each frame, choice_by_clip or range_by_clip for each \
             clip. Frames that are smaller than others of their clip are padded with black.",
            By(AUGMENTATION, "otherwise_every_frame_has_a_flip_and_a_size_of_its_own_as_in_vnext");
        max_size_train: u32 = "INPUT.MAX_SIZE_TRAIN" or "1333", Reader::positive,
            "Limit of the long edge in training, in pixels.",
            By("seqformer-data/src/resize/tests.rs", "the_short_edge_rules_the_size_and_the_long_edge_limits_it");
        min_size_test: u32 = "INPUT.MIN_SIZE_TEST" or "800", Reader::count,
            "Short edge in evaluation, in pixels; 0 does not resize.",
            By("seqformer-data/src/mapper/tests.rs", "test_frames_are_resized_and_nothing_else");
        max_size_test: u32 = "INPUT.MAX_SIZE_TEST" or "1333", Reader::positive,
            "Limit of the long edge in evaluation, in pixels.",
            By("seqformer-data/src/mapper/tests.rs", "test_frames_are_resized_and_nothing_else");
        random_flip: RandomFlip = "INPUT.RANDOM_FLIP" or "'horizontal'", Reader::choice,
            "Flips: none, horizontal or vertical for each frame, or flip_by_clip, which is horizontal.",
            By(AUGMENTATION, "half_of_the_clips_are_mirrored_and_every_size_occurs");
        crop: CropSection = "INPUT.CROP", "Random crops.";
        format: ImageFormat = "INPUT.FORMAT" or "'BGR'", Reader::choice,
            "Channel order: RGB or BGR.",
            By(PREDICTOR, "blue_comes_first_when_the_weights_want_it");
        coco_pretrain: bool = "INPUT.COCO_PRETRAIN" or "False", Reader::bool,
            "Trains on pseudo-clips alone: several views of one image in place of the frames of a video.",
            By(FRONT_DOOR, "images_and_videos_train_together_with_the_classes_of_the_videos");
        pad_to_batch: bool = "INPUT.PAD_TO_BATCH" or "True", Reader::bool,
            "Pads training clips to the largest of the whole batch, so that neither SOLVER.MICRO_BATCH_SIZE nor \
             the number of processes changes a number; off: to the largest of those that go through the network \
             together, as the reference does on several GPUs.",
            By(TRAIN, "clips_may_go_through_the_network_one_by_one");
        pretrain_same_crop: bool = "INPUT.PRETRAIN_SAME_CROP" or "False", Reader::bool,
            "All views of a pseudo-clip are the same; otherwise each has a flip and a crop of its own.",
            By(STILL_TO_CLIP, "all_views_have_one_size_and_differ_unless_they_should_not");
        pretrain_type: PseudoClips = "INPUT.PRETRAIN_TYPE" or "'v1'", Reader::choice,
            "How pseudo-clips are made: v1 flips and crops, coco2seq also warps, shifts, turns and blurs.",
            By(STILL_TO_CLIP, "one_view_is_the_image_and_the_others_are_warped_in_any_order");
        cutouts: CutoutsSection = "INPUT.CUTOUTS", "Clips of images in which objects of other images move.";
    }
}

choice! {
    /// `INPUT.DATA_PATH`: how data become training clips.
    pub enum DataPath {
        /// `vnext`: as VNext does.
        VNext = "vnext",
        /// `original`: as the original repository does.
        Original = "original",
    }
}

choice! {
    /// One of `INPUT.AUGMENTATIONS`.
    pub enum FrameAugmentation {
        /// `brightness`.
        Brightness = "brightness",
        /// `contrast`.
        Contrast = "contrast",
        /// `saturation`.
        Saturation = "saturation",
        /// `rotation`.
        Rotation = "rotation",
    }
}

choice! {
    /// `INPUT.PRETRAIN_TYPE`: how images become clips.
    pub enum PseudoClips {
        /// `v1`: flips and crops.
        V1 = "v1",
        /// `coco2seq`: the image and warped, shifted, turned and blurred copies of it.
        Coco2Seq = "coco2seq",
    }
}

choice! {
    /// `INPUT.FORMAT`: the channel order.
    pub enum ImageFormat {
        /// `RGB`.
        Rgb = "RGB",
        /// `BGR`.
        Bgr = "BGR",
    }
}

choice! {
    /// `INPUT.MIN_SIZE_TRAIN_SAMPLING`: how the short edge is drawn.
    pub enum ShortEdgeSampling {
        /// `choice`: one of the sizes for every frame.
        Choice = "choice",
        /// `range`: any size between the two, for every frame.
        Range = "range",
        /// `choice_by_clip`: one of the sizes for every clip.
        ChoiceByClip = "choice_by_clip",
        /// `range_by_clip`: any size between the two, for every clip.
        RangeByClip = "range_by_clip",
    }
}

choice! {
    /// `INPUT.RANDOM_FLIP`.
    pub enum RandomFlip {
        /// `none`.
        None = "none",
        /// `horizontal`: drawn for every frame.
        Horizontal = "horizontal",
        /// `vertical`: drawn for every frame.
        Vertical = "vertical",
        /// `flip_by_clip`: horizontal, drawn for every clip.
        FlipByClip = "flip_by_clip",
    }
}

fn data_path(reader: &Reader<'_>, key: &str) -> Result<DataPath, ConfigError> {
    let path = reader.choice(key)?;
    if path == DataPath::Original && !reader.texts("INPUT.AUGMENTATIONS")?.is_empty() {
        let why = "the original repository distorts the colours of videos by rules of its own; write \
                   AUGMENTATIONS: [], or DATA_PATH: vnext";
        return Err(reader.fail_hint(key, "'vnext' with AUGMENTATIONS", why));
    }
    Ok(path)
}

fn augmentations(reader: &Reader<'_>, key: &str) -> Result<Vec<FrameAugmentation>, ConfigError> {
    let named = reader.texts(key)?.iter().map(|name| FrameAugmentation::named(name)).collect();
    let named: Option<Vec<_>> = named;
    named.ok_or_else(|| {
        let names: Vec<_> = FrameAugmentation::NAMES.iter().map(|(name, _)| *name).collect();
        reader.fail(key, &format!("a list of any of {}", names.join(", ")))
    })
}

/// Short edges in pixels; 0 does not resize.
fn min_size_train(reader: &Reader<'_>, key: &str) -> Result<Vec<u32>, ConfigError> {
    let sizes: Option<Vec<u32>> =
        reader.ints(key)?.into_iter().map(|size| u32::try_from(size).ok()).collect();
    let sizes = sizes.filter(|sizes| !sizes.is_empty());
    let sizes = sizes.ok_or_else(|| reader.fail(key, "one or more sizes of 0 or more"))?;
    let sampling = reader.choice("INPUT.MIN_SIZE_TRAIN_SAMPLING")?;
    let is_range = matches!(sampling, ShortEdgeSampling::Range | ShortEdgeSampling::RangeByClip);
    if is_range && (sizes.len() != 2 || sizes[0] > sizes[1]) {
        let expected = "the smallest and the largest size, as MIN_SIZE_TRAIN_SAMPLING is a range";
        return Err(reader.fail(key, expected));
    }
    Ok(sizes)
}
