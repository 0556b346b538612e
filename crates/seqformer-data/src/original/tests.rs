//! The order of the steps, their sizes, and which clips are replaced.

use std::path::Path;

use seqformer_masks::Rle;

use super::*;
use crate::sampler::StreamEntry;
use crate::synth::{SynthLayout, SynthOptions, synthesize};
use crate::{
    AnnotatedVideos, ClipSource as _, Mapper, Purpose, Segmentation, TrainingPart, TrainingSet,
};

const SIZE: ImageSize = ImageSize { height: 720, width: 1280 };

fn mapper(source: OriginalSource, num_frames: usize) -> OriginalMapper {
    OriginalMapper {
        source,
        num_frames,
        short_edge: ShortEdge::Choice(vec![288, 320, 352, 392, 416, 448, 480, 512]),
        max_size: 768,
        flip: RandomFlip::Horizontal,
        crop: Some(RandomCrop::AbsoluteRange(384, 600)),
    }
}

/// One size and no crops.
fn small(source: OriginalSource, num_frames: usize) -> OriginalMapper {
    OriginalMapper {
        short_edge: ShortEdge::Choice(vec![30]),
        crop: None,
        ..mapper(source, num_frames)
    }
}

fn draw(mapper: &OriginalMapper, index: u64) -> Vec<Vec<Transform>> {
    mapper.draw(SIZE, &mut Random::new(3, Purpose::Sample, index))
}

fn dataset(folder: &Path, layout: SynthLayout) -> AnnotatedVideos {
    let options = SynthOptions {
        output: folder.to_owned(),
        num_train: 3,
        num_val: 0,
        seed: 5,
        size: ImageSize { height: 40, width: 56 },
        min_frames: 4,
        max_frames: 6,
        num_classes: 4,
        layout,
    };
    synthesize(&options).unwrap().train.read().unwrap()
}

#[test]
fn videos_are_mirrored_then_distorted_then_resized_and_half_are_cropped_in_between() {
    let (mut cropped, mut mirrored) = (0, 0);
    for index in 0..200 {
        let frames = draw(&mapper(OriginalSource::Videos, 5), index);
        assert_eq!(frames.len(), 5);
        let mut steps = frames[0].as_slice();
        if let [Transform::FlipHorizontal, rest @ ..] = steps {
            (mirrored, steps) = (mirrored + 1, rest);
        }
        let [Transform::Photometric(_), sizes @ ..] = steps else { panic!("{steps:?}") };
        let output = match sizes {
            [Transform::ResizeAsTorch(output)] => {
                // At most 768 wide: 432 high.
                assert!([288, 320, 352, 392, 416, 432].contains(&output.height), "{output}");
                output
            }
            [
                Transform::ResizeAsTorch(whole),
                Transform::Crop(window),
                Transform::ResizeAsTorch(output),
            ] => {
                cropped += 1;
                // 400 * 1280 / 720 = 711.1, 500: 888.9, 600: 1066.7.
                let wholes = [[400, 711], [500, 888], [600, 1066]];
                assert!(wholes.contains(&[whole.height, whole.width]), "{whole}");
                assert!((384..=600).contains(&window.size.width), "{window:?}");
                assert!((384..=whole.height).contains(&window.size.height), "{window:?}");
                assert!(window.x + window.size.width <= whole.width);
                assert!(window.y + window.size.height <= whole.height);
                output
            }
            other => panic!("{other:?}"),
        };
        assert!(output.height.max(output.width) <= 768);
        // Only the colours differ between frames.
        let geometry = |frame: &Vec<Transform>| {
            let mut steps = frame.clone();
            steps.retain(|step| !matches!(step, Transform::Photometric(_)));
            steps
        };
        assert!(frames.iter().all(|frame| geometry(frame) == geometry(&frames[0])));
    }
    // Binomial with n = 200: six standard deviations are 43.
    assert!(100_usize.abs_diff(cropped) < 43 && 100_usize.abs_diff(mirrored) < 43);
}

#[test]
fn the_colours_of_images_are_left_alone_and_one_view_is_the_image() {
    let is_geometry = |step: &Transform| {
        matches!(step, Transform::FlipHorizontal | Transform::Crop(_) | Transform::ResizeAsTorch(_))
    };
    for index in 0..50 {
        let views = draw(&mapper(OriginalSource::Images, 5), index);
        let plain = views.iter().filter(|steps| steps.iter().all(is_geometry)).count();
        assert_eq!((views.len(), plain), (5, 1));
        let all = views.iter().flatten();
        assert!(all.clone().all(|step| !matches!(step, Transform::Photometric(_))));
        assert_eq!(all.filter(|step| matches!(step, Transform::Affine(_))).count(), 4);
        let single = draw(&mapper(OriginalSource::Images, 1), index);
        assert!(single[0].iter().all(is_geometry) && single.len() == 1);
    }
}

#[test]
fn every_frame_of_a_video_is_an_item_of_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path(), SynthLayout::Plain);
    let lengths: Vec<usize> = dataset.videos.iter().map(|video| video.frames.len()).collect();
    let mapper = Mapper::Original(small(OriginalSource::Videos, 3));
    let ids: Vec<u64> = dataset.videos.iter().map(|video| video.id).collect();
    let set = TrainingSet::new(vec![TrainingPart { dataset, mapper }]).unwrap();
    let total = lengths.iter().sum::<usize>();
    assert_eq!(set.lengths(), [total]);
    assert_eq!(set.is_wide(), [vec![true; total]]);
    assert_eq!(set.repeat_factors(0.0)[0].len(), total);
    let mut item = 0;
    for (id, length) in ids.into_iter().zip(lengths) {
        for frame in 0..length {
            let entry = StreamEntry { position: 0, dataset: 0, record: item };
            let clip = set.sample(entry, &mut Random::new(1, Purpose::Sample, 0)).unwrap();
            assert_eq!(clip.video_id, id);
            assert!(clip.frame_indices.contains(&frame), "{frame}: {:?}", clip.frame_indices);
            item += 1;
        }
    }
    let entry = StreamEntry { position: 0, dataset: 0, record: item };
    assert!(set.sample(entry, &mut Random::new(1, Purpose::Sample, 0)).is_err());
}

#[test]
fn images_with_more_than_25_objects_or_none_are_replaced_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut dataset = dataset(folder.path(), SynthLayout::Coco);
    let track = dataset.videos[1].tracks[0].clone();
    let set_of = |dataset: &AnnotatedVideos, num_frames| {
        let mapper = Mapper::Original(small(OriginalSource::Images, num_frames));
        TrainingSet::new(vec![TrainingPart { dataset: dataset.clone(), mapper }]).unwrap()
    };
    dataset.videos[0].tracks.clear();
    dataset.videos[1].tracks = vec![track.clone(); 25];
    dataset.videos[2].tracks = vec![track; 26];
    let videos = |num_frames| -> Vec<u64> {
        let set = set_of(&dataset, num_frames);
        let sample = |(record, seed)| {
            let entry = StreamEntry { position: 0, dataset: 0, record };
            set.sample(entry, &mut Random::new(seed, Purpose::Sample, 0)).unwrap().video_id
        };
        let mut videos: Vec<u64> =
            (0..3).flat_map(|r| (0..6).map(move |s| (r, s))).map(sample).collect();
        videos.sort_unstable();
        videos.dedup();
        videos
    };
    let ids: Vec<u64> = dataset.videos.iter().map(|video| video.id).collect();
    assert_eq!(videos(2), [ids[1]]);
    // Single images are replaced only if they have no object.
    assert_eq!(videos(1), [ids[1], ids[2]]);
    for video in &mut dataset.videos {
        video.tracks.clear();
    }
    let entry = StreamEntry { position: 0, dataset: 0, record: 0 };
    let sample = set_of(&dataset, 2).sample(entry, &mut Random::new(1, Purpose::Sample, 0));
    let message = sample.unwrap_err().to_string();
    assert!(message.contains(".json") && message.contains("INPUT.DATA_PATH"), "{message}");
}

#[test]
fn outlines_are_drawn_at_the_size_of_the_file_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = dataset(folder.path(), SynthLayout::Coco);
    let plain = OriginalMapper { flip: RandomFlip::None, ..small(OriginalSource::Images, 1) };
    let mut video = dataset.videos[0].clone();
    let triangle = [3.0, 4.0, 33.0, 7.0, 15.0, 31.0];
    let polygon = seqformer_masks::Polygon::from_xy(&triangle).unwrap();
    let drawn = polygon.rasterize(video.size);
    let track = &mut video.tracks[0];
    track.frames[0].as_mut().unwrap().segmentation = Segmentation::Polygons(vec![polygon]);
    let mut pixels = video.clone();
    let segmentation = Segmentation::Rle(Rle::encode(&drawn.decode()));
    pixels.tracks[0].frames[0].as_mut().unwrap().segmentation = segmentation;
    let map = |video: &VideoRecord| {
        plain.map(video, 0, &mut Random::new(1, Purpose::Sample, 0)).unwrap().instances[0].clone()
    };
    assert_eq!(map(&video), map(&pixels));
    assert_eq!(map(&video).frames[0].mask.size(), ImageSize { height: 30, width: 42 });
}
