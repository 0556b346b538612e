//! Clips of synthetic videos, where every mask is known.

use seqformer_masks::{Polygon, Rle};

use super::*;
use crate::read_image;
use crate::synth::{SynthLayout, SynthOptions, synthesize};
use crate::{
    AnnotatedVideos, Drawn, FrameAnnotation, FrameStep, Purpose, RandomCrop, RandomFlip,
    Segmentation, ShortEdge,
};

const SIZE: ImageSize = ImageSize { height: 48, width: 64 };

fn videos(folder: &std::path::Path) -> AnnotatedVideos {
    let options = SynthOptions {
        output: folder.to_owned(),
        num_train: 3,
        num_val: 0,
        seed: 5,
        size: SIZE,
        min_frames: 6,
        max_frames: 9,
        num_classes: 4,
        layout: SynthLayout::Plain,
    };
    synthesize(&options).unwrap().train.read().unwrap()
}

fn mapper() -> ClipMapper {
    ClipMapper {
        sampling: ClipSampling { num_frames: 4, range: 10, interval: 1, shuffle: false },
        augmentation: Augmentation {
            short_edge: ShortEdge::Choice(vec![30, 40, 60]),
            short_edge_drawn: Drawn::PerClip,
            max_size: 70,
            flip: RandomFlip::Horizontal,
            flip_drawn: Drawn::PerClip,
            crop: Some(RandomCrop::AbsoluteRange(24, 60)),
            frame_steps: vec![FrameStep::Brightness],
        },
        absent: AbsentInstances::Drop,
    }
}

fn random(index: u64) -> Random {
    Random::new(11, Purpose::Sample, index)
}

/// A mapper that changes nothing.
fn unchanged() -> ClipMapper {
    let augmentation = Augmentation {
        short_edge: ShortEdge::Choice(vec![0]),
        short_edge_drawn: Drawn::PerClip,
        max_size: 1333,
        flip: RandomFlip::None,
        flip_drawn: Drawn::PerClip,
        crop: None,
        frame_steps: Vec::new(),
    };
    ClipMapper { augmentation, ..mapper() }
}

#[test]
fn frames_have_one_size_and_boxes_are_those_of_the_masks() {
    let folder = tempfile::tempdir().unwrap();
    let videos = videos(folder.path());
    for (index, video) in (0..20).zip(videos.videos.iter().cycle()) {
        let clip = mapper().map(video, &mut random(index)).unwrap();
        assert_eq!((clip.frames.len(), clip.frame_indices.len()), (4, 4));
        assert!(clip.frames.iter().all(|frame| frame.size == clip.size()));
        for instance in &clip.instances {
            assert_eq!(instance.frames.len(), 4);
            assert!(instance.frames.iter().any(|frame| frame.is_visible));
            for (position, frame) in instance.frames.iter().enumerate() {
                assert_eq!(frame.mask.size(), clip.size());
                assert_eq!(frame.mask.bounding_box().unwrap_or_default(), frame.bbox);
                assert_eq!(frame.is_visible, frame.mask.area() > 0);
                let id = if frame.is_visible { instance.track_id as i64 } else { -1 };
                assert_eq!(instance.id_on(position), id);
            }
        }
    }
}

#[test]
fn the_same_chance_gives_the_same_clip() {
    let folder = tempfile::tempdir().unwrap();
    let videos = videos(folder.path());
    let map = |index| mapper().map(&videos.videos[0], &mut random(index)).unwrap();
    assert_eq!(map(1), map(1));
    assert!((2..10).any(|index| map(index) != map(1)));
}

#[test]
fn without_augmentation_frames_and_masks_are_those_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let videos = videos(folder.path());
    let video = &videos.videos[0];
    let clip = unchanged().map(video, &mut random(0)).unwrap();
    assert_eq!(clip.original_size, SIZE);
    for (position, &index) in clip.frame_indices.iter().enumerate() {
        assert_eq!(clip.frames[position], read_image(&video.frames[index]).unwrap().image);
        for instance in &clip.instances {
            let track = video.tracks.iter().find(|track| track.id == instance.track_id).unwrap();
            assert_eq!(instance.label, track.category);
            let annotation = track.frames[index].as_ref();
            let expected = annotation.map(|frame| frame.segmentation.to_mask(SIZE).unwrap());
            let expected = expected.unwrap_or_else(|| BitMask::new(SIZE));
            assert_eq!(instance.frames[position].mask, expected);
        }
    }
}

fn annotation(segmentation: Segmentation) -> FrameAnnotation {
    FrameAnnotation { segmentation }
}

#[test]
fn absent_instances_are_dropped_or_kept_as_in_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let mut video = videos(folder.path()).videos[0].clone();
    let length = video.frames.len();
    let square = Polygon::from_xy(&[1.0, 1.0, 9.0, 1.0, 9.0, 9.0, 1.0, 9.0]).unwrap();
    let track = |id: u64, is_crowd: bool, frame: Option<FrameAnnotation>| TrackAnnotation {
        id,
        category: 3,
        is_crowd,
        frames: vec![frame; length],
    };
    video.tracks = vec![
        track(1, false, Some(annotation(Segmentation::Polygons(vec![square.clone()])))),
        track(2, true, Some(annotation(Segmentation::Polygons(vec![square])))),
        track(3, false, Some(annotation(Segmentation::Rle(Rle::empty(SIZE))))),
        track(4, false, None),
    ];
    let labels = |absent: AbsentInstances| -> Vec<(u64, usize)> {
        let clip = ClipMapper { absent, ..unchanged() }.map(&video, &mut random(0)).unwrap();
        clip.instances.iter().map(|instance| (instance.track_id, instance.label)).collect()
    };
    assert_eq!(labels(AbsentInstances::Drop), [(1, 3)]);
    assert_eq!(labels(AbsentInstances::Keep), [(1, 3), (2, 0), (3, 0)]);
}

#[test]
fn frames_of_another_size_and_missing_frames_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut video = videos(folder.path()).videos[0].clone();
    video.size.width = 63;
    let message = mapper().map(&video, &mut random(0)).unwrap_err().to_string();
    assert!(message.contains(".jpg") && message.contains("48x63"), "{message}");
    video.size = SIZE;
    for frame in &mut video.frames {
        frame.set_extension("png");
    }
    let message = mapper().map(&video, &mut random(0)).unwrap_err().to_string();
    assert!(message.contains(".png"), "{message}");
    let test = TestMapper { short_edge: 0, max_size: 100 };
    assert!(test.map_frame(&video, 99).unwrap_err().to_string().contains("99"));
}

#[test]
fn test_frames_are_resized_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let video = &videos(folder.path()).videos[0];
    let frame = TestMapper { short_edge: 24, max_size: 100 }.map_frame(video, 1).unwrap();
    let original = read_image(&video.frames[1]).unwrap().image;
    let size = ImageSize { height: 24, width: 32 };
    assert_eq!(frame, resize_bilinear(&original, size));
    let unresized = TestMapper { short_edge: 0, max_size: 100 }.map_frame(video, 1).unwrap();
    assert_eq!(unresized, original);
}
