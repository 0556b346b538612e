//! Videos and stills side by side.

use std::path::Path;

use seqformer_masks::ImageSize;

use super::*;
use crate::synth::{SynthLayout, SynthOptions, synthesize};
use crate::{
    Augmentation, ClipSampling, Purpose, RandomFlip, ShortEdge, TrainingSampler, UnseenInstances,
};

fn dataset(folder: &Path, layout: SynthLayout) -> AnnotatedVideos {
    let options = SynthOptions {
        output: folder.join(format!("{layout:?}")),
        num_train: 3,
        num_val: 0,
        seed: 5,
        size: ImageSize { height: 40, width: 56 },
        min_frames: 3,
        max_frames: 5,
        num_classes: 4,
        layout,
    };
    synthesize(&options).unwrap().train.read().unwrap()
}

#[test]
fn videos_and_stills_give_clips_of_the_same_length() {
    let folder = tempfile::tempdir().unwrap();
    let augmentation = Augmentation {
        short_edge: ShortEdge::Choice(vec![32]),
        max_size: 100,
        flip: RandomFlip::Horizontal,
        crop: None,
        frame_steps: Vec::new(),
    };
    let unseen = UnseenInstances::Drop;
    let sampling = ClipSampling { num_frames: 3, range: 10, interval: 1, shuffle: false };
    let video = ClipMapper { sampling, augmentation: augmentation.clone(), unseen };
    let still = StillMapper { num_frames: 3, augmentation, same_views: false, unseen };
    let parts = vec![
        TrainingPart {
            dataset: dataset(folder.path(), SynthLayout::Plain),
            mapper: Mapper::Video(video),
        },
        TrainingPart {
            dataset: dataset(folder.path(), SynthLayout::Coco),
            mapper: Mapper::Still(still),
        },
    ];
    let set = TrainingSet::new(parts).unwrap();
    assert_eq!(set.lengths(), [3, 3]);
    assert_eq!(set.is_wide(), vec![vec![true; 3]; 2]);
    let mixture = crate::Mixture::Concatenated;
    let sampler = TrainingSampler::new(&set.lengths(), &mixture, 1, crate::Shard::WHOLE);
    for entry in sampler.take(6) {
        let clip = set.sample(entry, &mut Random::new(1, Purpose::Sample, 0)).unwrap();
        assert_eq!(clip.frames.len(), 3);
        let record = &set.parts()[entry.dataset].dataset.videos[entry.record];
        assert_eq!(clip.video_id, record.id);
    }
}

#[test]
fn no_record_is_an_error() {
    assert!(TrainingSet::new(Vec::new()).is_err());
}
