//! Clips of moving shapes.

use std::collections::BTreeSet;

use super::*;
use crate::synth::{SynthLayout, SynthOptions, synthesize};
use crate::{
    AnnotatedVideos, Augmentation, Drawn, FrameStep, PseudoClip, Purpose, RandomFlip, ShortEdge,
};

fn mapper(probability: f64) -> CutoutMapper {
    let augmentation = Augmentation {
        short_edge: ShortEdge::Choice(vec![48, 56]),
        short_edge_drawn: Drawn::PerClip,
        max_size: 80,
        flip: RandomFlip::Horizontal,
        flip_drawn: Drawn::PerClip,
        crop: None,
        frame_steps: vec![FrameStep::Brightness],
    };
    let still = StillMapper {
        num_frames: 3,
        pseudo_clip: PseudoClip::Crops,
        augmentation,
        same_views: false,
        absent: AbsentInstances::Drop,
    };
    let sampling = ClipSampling { num_frames: 3, range: 6, interval: 1, shuffle: false };
    CutoutMapper { still, probability, objects: 2..=3, sampling }
}

fn pictures() -> (tempfile::TempDir, AnnotatedVideos) {
    let folder = tempfile::tempdir().unwrap();
    let options = SynthOptions {
        output: folder.path().to_owned(),
        num_train: 8,
        num_val: 0,
        seed: 3,
        size: ImageSize { height: 90, width: 120 },
        min_frames: 1,
        max_frames: 1,
        num_classes: 5,
        layout: SynthLayout::Coco,
    };
    let dataset = synthesize(&options).unwrap().train.read().unwrap();
    (folder, dataset)
}

#[test]
fn composed_clips_have_the_share_and_the_cut_outs_that_were_asked_for() {
    let (_folder, dataset) = pictures();
    let records = &dataset.videos;
    let pool = CutoutPool::new(records);
    let draw = |probability: f64, seed: u64| {
        let index = seed as usize % records.len();
        let mut random = Random::new(seed, Purpose::Sample, 0);
        (index, mapper(probability).map(records, index, &pool, &mut random).unwrap())
    };
    let mut num_composed = 0;
    for seed in 0..40 {
        let (index, clip) = draw(0.5, seed);
        assert_eq!(draw(0.5, seed).1, clip);
        assert_eq!((clip.video_id, clip.frames.len()), (records[index].id, 3));
        let size = clip.size();
        assert!([48, 56].contains(&size.height) && size.width <= 80, "{size}");
        let ids: BTreeSet<u64> = clip.instances.iter().map(|instance| instance.track_id).collect();
        assert_eq!(ids.len(), clip.instances.len());
        for instance in &clip.instances {
            assert!(instance.label < 5 && instance.frames.iter().any(|frame| frame.is_visible));
            for (frame, image) in instance.frames.iter().zip(&clip.frames) {
                assert_eq!((frame.mask.size(), image.size), (size, size));
                assert_eq!(frame.mask.bounding_box().unwrap_or_default(), frame.bbox);
            }
        }
        // A view of an image has no more instances than the image.
        let num_own = records[index].tracks.len();
        num_composed += usize::from(clip.instances.len() > num_own);
        assert!(clip.instances.len() <= num_own + 3, "{}", clip.instances.len());
    }
    // Binomial with n = 40 and p = 1/2: four standard deviations are 13.
    assert!((7..=33).contains(&num_composed), "{num_composed}");
    for seed in 0..8 {
        let (index, clip) = draw(0.0, seed);
        let mut random = Random::new(seed, Purpose::Sample, 0);
        random.bernoulli(0.0);
        assert_eq!(mapper(0.0).still.map(&records[index], &mut random).unwrap(), clip);
        let (index, clip) = draw(1.0, seed);
        assert!(clip.instances.len() > records[index].tracks.len(), "seed {seed}");
    }
}

#[test]
fn an_image_is_shown_alone_if_there_is_nothing_to_put_on_it() {
    let (_folder, dataset) = pictures();
    let records = &dataset.videos[..1];
    let pool = CutoutPool::new(records);
    let mut random = Random::new(1, Purpose::Sample, 0);
    let clip = mapper(1.0).map(records, 0, &pool, &mut random).unwrap();
    let mut random = Random::new(1, Purpose::Sample, 0);
    assert_eq!(clip, mapper(1.0).still.map(&records[0], &mut random).unwrap());
}
