use std::path::Path;

use seqformer_config::{CfgNode, Config};
use seqformer_data::synth::{SynthLayout, SynthOptions, synthesize};
use seqformer_data::{
    ClipInstance, FrameAnnotation, InstanceFrame, Mapper, Purpose, Random, RgbImage, Segmentation,
    TrackAnnotation, VideoRecord,
};
use seqformer_masks::{BitMask, BoxXyxy, ImageSize, Rle};

use super::*;
use crate::TrainPlan;

const SIZE: ImageSize = ImageSize { height: 4, width: 8 };

fn frame(bytes: [u8; 32], is_visible: bool) -> InstanceFrame {
    let mask = BitMask::from_bytes(SIZE, bytes.to_vec()).unwrap();
    let bbox = mask.bounding_box().unwrap_or(BoxXyxy { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 });
    InstanceFrame { is_visible, bbox, mask }
}

fn sample() -> ClipSample {
    let mut seen = [0; 32];
    seen[9] = 1; // row 1, column 1
    seen[18] = 1; // row 2, column 2
    let instance = |label, frames: Vec<InstanceFrame>| ClipInstance { track_id: 5, label, frames };
    ClipSample {
        video_id: 3,
        frame_indices: vec![4, 6],
        frames: vec![RgbImage::new(SIZE); 2],
        original_size: SIZE,
        instances: vec![
            instance(2, vec![frame(seen, true), frame([0; 32], false)]),
            instance(0, vec![frame([0; 32], false), frame([0; 32], false)]),
        ],
        exhaustive: Some(vec![0, 2]),
    }
}

const COLLATE: Collate = Collate { channels: ImageFormat::Rgb, device: Device::Cpu };

#[test]
fn boxes_are_shares_of_the_frame_and_zero_where_nothing_is_seen() {
    let clip = COLLATE.clip(&sample());
    assert_eq!(clip.frames.size(), [2, 3, 4, 8]);
    assert_eq!((clip.target.labels, clip.target.exhaustive), (vec![2, 0], Some(vec![0, 2])));
    let boxes = Vec::<f32>::try_from(clip.target.boxes.flatten(0, -1)).unwrap();
    let mut expected = vec![0.25, 0.5, 0.25, 0.5];
    expected.extend([0.0; 12]);
    assert_eq!(boxes, expected);
    assert_eq!(clip.target.masks.sum(Kind::Int64).int64_value(&[]), 2);
    assert_eq!(clip.name, "video 3 frames 4,6");
}

/// A video with an object on all of each frame and one without pixels.
fn video(folder: &Path) -> VideoRecord {
    let options = SynthOptions {
        output: folder.to_owned(),
        num_train: 1,
        num_val: 0,
        seed: 5,
        size: ImageSize { height: 32, width: 40 },
        min_frames: 2,
        max_frames: 2,
        num_classes: 4,
        layout: SynthLayout::Plain,
    };
    let mut video = synthesize(&options).unwrap().train.read().unwrap().videos.remove(0);
    let pixels = vec![1; video.size.num_pixels() as usize];
    let all = BitMask::from_bytes(video.size, pixels).unwrap();
    let track = |id, mask: Rle| TrackAnnotation {
        id,
        category: 2,
        is_crowd: false,
        frames: vec![Some(FrameAnnotation { segmentation: Segmentation::Rle(mask) }); 2],
    };
    video.tracks = vec![track(1, Rle::encode(&all)), track(2, Rle::empty(video.size))];
    video
}

#[test]
fn instances_that_no_frame_shows_can_be_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let video = video(folder.path());
    let labels = |drop_absent: &str| {
        let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/base_ytvis.yaml");
        let mut node = CfgNode::defaults();
        node.merge_from_file(&recipe).unwrap();
        let sizes = "INPUT.MIN_SIZE_TRAIN=(32,)".to_owned();
        let absent = format!("MODEL.SeqFormer.DROP_ABSENT={drop_absent}");
        node.merge_from_list(&[sizes, absent]).unwrap();
        let plan = TrainPlan::from_config(&Config::try_from(node).unwrap());
        let mut random = Random::new(0, Purpose::Sample, 0);
        let Mapper::Video(mapper) = plan.data.video_mapper else { panic!("VNext's data path") };
        let sample = mapper.map(&video, &mut random).unwrap();
        COLLATE.clip(&sample).target.labels
    };
    assert_eq!(labels("True"), [2]);
    assert_eq!(labels("False"), [2, 0]);
}
