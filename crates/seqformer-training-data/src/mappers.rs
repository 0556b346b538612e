//! The mappers of `INPUT`, key by key.

use std::collections::BTreeSet;

use seqformer_config::config::{
    self, CropType, DataPath, FrameAugmentation, InputSection, PseudoClips, ShortEdgeSampling,
};
use seqformer_data::{
    AbsentInstances, Augmentation, ClipMapper, ClipSampling, CutoutMapper, Drawn, FrameStep,
    Mapper, OriginalMapper, OriginalSource, PseudoClip, RandomCrop, RandomFlip, ShortEdge,
    StillMapper,
};
use seqformer_masks::ImageSize;

/// Makes training clips from videos: `INPUT.DATA_PATH` and `INPUT.SAMPLING_*`.
pub(crate) fn of_videos(input: &InputSection, absent: AbsentInstances) -> Mapper {
    if input.data_path == DataPath::Original {
        return Mapper::Original(original(input, OriginalSource::Videos));
    }
    Mapper::Video(ClipMapper {
        sampling: sampling(input),
        augmentation: augmentation(input),
        absent,
    })
}

/// Makes training clips from images: `INPUT.DATA_PATH`, `INPUT.PRETRAIN_*` and `INPUT.CUTOUTS`.
pub(crate) fn of_stills(input: &InputSection, absent: AbsentInstances) -> Mapper {
    if input.data_path == DataPath::Original {
        return Mapper::Original(original(input, OriginalSource::Images));
    }
    let still = StillMapper {
        num_frames: input.sampling_frame_num,
        pseudo_clip: match input.pretrain_type {
            PseudoClips::V1 => PseudoClip::Crops,
            PseudoClips::Coco2Seq => PseudoClip::Warps,
        },
        augmentation: augmentation(input),
        same_views: input.pretrain_same_crop,
        absent,
    };
    let [fewest, most] = input.cutouts.objects;
    if input.cutouts.probability == 0.0 {
        return Mapper::Still(still);
    }
    Mapper::Cutouts(CutoutMapper {
        still,
        probability: input.cutouts.probability,
        objects: fewest..=most,
        sampling: sampling(input),
    })
}

fn sampling(input: &InputSection) -> ClipSampling {
    ClipSampling {
        num_frames: input.sampling_frame_num,
        range: input.sampling_frame_range,
        interval: input.sampling_interval,
        shuffle: input.sampling_frame_shuffle,
    }
}

/// The data path of the original repository.
fn original(input: &InputSection, source: OriginalSource) -> OriginalMapper {
    OriginalMapper {
        source,
        num_frames: input.sampling_frame_num,
        short_edge: short_edge(input).0,
        max_size: input.max_size_train,
        flip: flip(input).0,
        crop: crop(input),
    }
}

/// The augmentation of VNext.
fn augmentation(input: &InputSection) -> Augmentation {
    let (short_edge, short_edge_drawn) = short_edge(input);
    let (flip, flip_drawn) = flip(input);
    let steps: BTreeSet<FrameStep> = input.augmentations.iter().copied().map(frame_step).collect();
    Augmentation {
        short_edge,
        short_edge_drawn,
        max_size: input.max_size_train,
        flip,
        flip_drawn,
        crop: crop(input),
        frame_steps: steps.into_iter().collect(),
    }
}

fn short_edge(input: &InputSection) -> (ShortEdge, Drawn) {
    let sizes = &input.min_size_train;
    let choice = || ShortEdge::Choice(sizes.clone());
    let range = || ShortEdge::Range(sizes[0], sizes[sizes.len() - 1]);
    match input.min_size_train_sampling {
        ShortEdgeSampling::Choice => (choice(), Drawn::PerFrame),
        ShortEdgeSampling::ChoiceByClip => (choice(), Drawn::PerClip),
        ShortEdgeSampling::Range => (range(), Drawn::PerFrame),
        ShortEdgeSampling::RangeByClip => (range(), Drawn::PerClip),
    }
}

fn flip(input: &InputSection) -> (RandomFlip, Drawn) {
    match input.random_flip {
        config::RandomFlip::None => (RandomFlip::None, Drawn::PerClip),
        config::RandomFlip::Horizontal => (RandomFlip::Horizontal, Drawn::PerFrame),
        config::RandomFlip::Vertical => (RandomFlip::Vertical, Drawn::PerFrame),
        config::RandomFlip::FlipByClip => (RandomFlip::Horizontal, Drawn::PerClip),
    }
}

fn crop(input: &InputSection) -> Option<RandomCrop> {
    let [first, second] = input.crop.size;
    input.crop.enabled.then_some(match input.crop.crop_type {
        CropType::Relative => RandomCrop::Relative(input.crop.size),
        CropType::RelativeRange => RandomCrop::RelativeRange(input.crop.size),
        CropType::Absolute => {
            RandomCrop::Absolute(ImageSize { height: first as u32, width: second as u32 })
        }
        CropType::AbsoluteRange => RandomCrop::AbsoluteRange(first as u32, second as u32),
    })
}

fn frame_step(augmentation: FrameAugmentation) -> FrameStep {
    match augmentation {
        FrameAugmentation::Brightness => FrameStep::Brightness,
        FrameAugmentation::Contrast => FrameStep::Contrast,
        FrameAugmentation::Saturation => FrameStep::Saturation,
        FrameAugmentation::Rotation => FrameStep::Rotation,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use seqformer_config::{CfgNode, Config};

    use super::*;
    use crate::DataPlan;

    fn plan(recipe: &str, opts: &[&str]) -> DataPlan {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs").join(recipe);
        let mut node = CfgNode::defaults();
        node.merge_from_file(&file).unwrap();
        let opts: Vec<String> = opts.iter().map(|&text| text.to_owned()).collect();
        node.merge_from_list(&opts).unwrap();
        DataPlan::from_config(&Config::try_from(&node).unwrap())
    }

    #[test]
    fn sizes_and_flips_are_drawn_for_each_frame_unless_the_key_says_by_clip() {
        let drawn = |opts: &[&str]| {
            let Mapper::Video(mapper) = plan("base_ytvis.yaml", opts).video_mapper else {
                panic!("VNext's mapper")
            };
            let augmentation = mapper.augmentation;
            (augmentation.short_edge_drawn, augmentation.flip, augmentation.flip_drawn)
        };
        let (sizes, flip) = ("INPUT.MIN_SIZE_TRAIN_SAMPLING", "INPUT.RANDOM_FLIP");
        let clip = (Drawn::PerClip, RandomFlip::Horizontal, Drawn::PerClip);
        assert_eq!(drawn(&[]), clip);
        assert_eq!(drawn(&[sizes, "choice"]), (Drawn::PerFrame, clip.1, clip.2));
        let range = ["INPUT.MIN_SIZE_TRAIN", "(320, 640)", sizes];
        assert_eq!(drawn(&[&range[..], &["range"]].concat()), (Drawn::PerFrame, clip.1, clip.2));
        assert_eq!(drawn(&[&range[..], &["range_by_clip"]].concat()), clip);
        assert_eq!(drawn(&[flip, "horizontal"]), (clip.0, clip.1, Drawn::PerFrame));
        assert_eq!(drawn(&[flip, "vertical"]), (clip.0, RandomFlip::Vertical, Drawn::PerFrame));
        assert_eq!(drawn(&[flip, "none"]).1, RandomFlip::None);
    }

    /// The values of the original's `datasets/ytvos.py`, `coco2seq.py` and `coco.py`, and those that its authors give
    /// for the Swin-L.
    #[test]
    fn recipes_of_published_numbers_have_the_original_data_path() {
        let scales = [288, 320, 352, 392, 416, 448, 480, 512];
        let coco = [480, 512, 544, 576, 608, 640, 672, 704, 736, 768];
        let cases: [(&str, usize, &[u32], u32); 6] = [
            ("ytvis_2019/r50_ablation.yaml", 5, &scales, 768),
            ("joint/ytvis_2019/r50.yaml", 5, &scales, 768),
            ("joint/ytvis_2019/x101_32x8d.yaml", 5, &scales, 768),
            ("joint/ytvis_2019/swin_l.yaml", 5, &scales[..5], 640),
            ("joint/ytvis_2021/swin_l.yaml", 5, &scales[..5], 640),
            ("coco/r50.yaml", 1, &coco, 1333),
        ];
        for (recipe, num_frames, sizes, max_size) in cases {
            let plan = plan(recipe, &[]);
            let mapper = |source| {
                Mapper::Original(OriginalMapper {
                    source,
                    num_frames,
                    short_edge: ShortEdge::Choice(sizes.to_vec()),
                    max_size,
                    flip: RandomFlip::Horizontal,
                    crop: Some(RandomCrop::AbsoluteRange(384, 600)),
                })
            };
            assert_eq!(plan.video_mapper, mapper(OriginalSource::Videos), "{recipe}");
            assert_eq!(plan.still_mapper, mapper(OriginalSource::Images), "{recipe}");
            assert_eq!(plan.absent, AbsentInstances::Drop, "{recipe}");
            // Videos and images come in one order, each frame and each image once.
            assert!(plan.datasets.dataset_ratio.is_empty(), "{recipe}");
        }
        assert!(matches!(plan("ytvis_2019/r50.yaml", &[]).video_mapper, Mapper::Video(_)));
        assert!(matches!(plan("coco_clips/r50.yaml", &[]).still_mapper, Mapper::Still(_)));
    }

    #[test]
    fn cut_outs_come_into_clips_of_images_if_the_probability_says_so() {
        let opts = ["INPUT.CUTOUTS.PROBABILITY", "0.25", "INPUT.CUTOUTS.OBJECTS", "(2, 3)"];
        let Mapper::Cutouts(mapper) = plan("coco_clips/r50.yaml", &opts).still_mapper else {
            panic!("clips with cut-outs")
        };
        let Mapper::Still(still) = plan("coco_clips/r50.yaml", &[]).still_mapper else {
            panic!("pseudo-clips")
        };
        assert_eq!((mapper.probability, mapper.objects), (0.25, 2..=3));
        assert_eq!(mapper.sampling.num_frames, still.num_frames);
        assert_eq!(mapper.still, still);
    }
}
