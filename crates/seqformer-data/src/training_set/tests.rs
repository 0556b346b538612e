//! Videos and stills side by side.

use std::path::Path;
use std::sync::Arc;

use seqformer_masks::ImageSize;

use super::*;
use crate::synth::{SynthLayout, SynthOptions, synthesize};
use crate::{
    AbsentInstances, Augmentation, BatchSampler, ClipSampling, Drawn, Loader, Mixture, PseudoClip,
    Purpose, RandomFlip, Shard, ShortEdge, TrainingSampler,
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
        short_edge_drawn: Drawn::PerClip,
        max_size: 100,
        flip: RandomFlip::Horizontal,
        flip_drawn: Drawn::PerClip,
        crop: None,
        frame_steps: Vec::new(),
    };
    let absent = AbsentInstances::Drop;
    let sampling = ClipSampling { num_frames: 3, range: 10, interval: 1, shuffle: false };
    let video = ClipMapper { sampling, augmentation: augmentation.clone(), absent };
    let pseudo_clip = PseudoClip::Warps;
    let still = StillMapper { num_frames: 3, pseudo_clip, augmentation, same_views: false, absent };
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
    let sampler = TrainingSampler::new(&set.lengths(), &Mixture::Concatenated, 1, Shard::WHOLE);
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

#[test]
fn a_missing_frame_is_an_error_with_its_name_and_the_stream_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let augmentation = Augmentation {
        short_edge: ShortEdge::Choice(vec![24, 32]),
        short_edge_drawn: Drawn::PerClip,
        max_size: 100,
        flip: RandomFlip::Horizontal,
        flip_drawn: Drawn::PerClip,
        crop: None,
        frame_steps: Vec::new(),
    };
    let sampling = ClipSampling { num_frames: 2, range: 10, interval: 1, shuffle: false };
    let mapper =
        Mapper::Video(ClipMapper { sampling, augmentation, absent: AbsentInstances::Drop });
    let dataset = dataset(folder.path(), SynthLayout::Ovis);
    for frame in &dataset.videos[1].frames {
        std::fs::remove_file(frame).unwrap();
    }
    let set = TrainingSet::new(vec![TrainingPart { dataset, mapper }]).unwrap();
    let batches = |set: &TrainingSet| {
        BatchSampler::new(set.lengths(), Mixture::Concatenated, 1, 3, Shard::WHOLE)
    };
    let source = Arc::new(set);
    let load = |num_workers: usize| {
        let loader = Loader::new(source.clone(), batches(&source), num_workers).unwrap();
        let outcome = |batch: Result<Vec<ClipSample>, DataError>| batch.map_err(|e| e.to_string());
        loader.take(9).map(outcome).collect::<Vec<_>>()
    };
    let inline = load(0);
    let errors: Vec<&String> = inline.iter().filter_map(|batch| batch.as_ref().err()).collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors.iter().all(|error| error.contains("video_00002/0000")), "{errors:?}");
    assert_eq!(load(1), inline);
    assert_eq!(load(4), inline);
}

#[test]
fn records_with_rare_classes_are_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let mut dataset = dataset(folder.path(), SynthLayout::Plain);
    let mut track = dataset.videos[0].tracks[0].clone();
    let mut set_classes = |video: usize, classes: &[usize]| {
        dataset.videos[video].tracks.clear();
        for &class in classes {
            track.category = class;
            dataset.videos[video].tracks.push(track.clone());
        }
    };
    set_classes(0, &[0]);
    set_classes(1, &[0, 0]);
    set_classes(2, &[0, 1]);
    let augmentation = Augmentation {
        short_edge: ShortEdge::Choice(vec![0]),
        short_edge_drawn: Drawn::PerClip,
        max_size: 100,
        flip: RandomFlip::None,
        flip_drawn: Drawn::PerClip,
        crop: None,
        frame_steps: Vec::new(),
    };
    let sampling = ClipSampling { num_frames: 1, range: 1, interval: 1, shuffle: false };
    let mapper = ClipMapper { sampling, augmentation, absent: AbsentInstances::Drop };
    let part = TrainingPart { dataset, mapper: Mapper::Video(mapper) };
    let set = TrainingSet::new(vec![part]).unwrap();
    // Class 1 is in a third of the records: the root of 0.75 over a third is one and a half.
    assert_eq!(set.repeat_factors(0.75), [[1.0, 1.0, 1.5]]);
    assert_eq!(set.repeat_factors(0.1), [[1.0; 3]]);
}
