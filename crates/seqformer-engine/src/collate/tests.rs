use seqformer_data::{ClipInstance, InstanceFrame, RgbImage};
use seqformer_masks::{BitMask, BoxXyxy, ImageSize};

use super::*;

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
    }
}

#[test]
fn boxes_are_shares_of_the_frame_and_zero_where_nothing_is_seen() {
    let collate = Collate {
        channels: ImageFormat::Rgb,
        absent: AbsentInstances::Supervise,
        device: Device::Cpu,
    };
    let clip = collate.clip(&sample());
    assert_eq!(clip.frames.size(), [2, 3, 4, 8]);
    assert_eq!(clip.target.labels, [2, 0]);
    let boxes = Vec::<f32>::try_from(clip.target.boxes.flatten(0, -1)).unwrap();
    let mut expected = vec![0.25, 0.5, 0.25, 0.5];
    expected.extend([0.0; 12]);
    assert_eq!(boxes, expected);
    assert_eq!(clip.target.masks.sum(Kind::Int64).int64_value(&[]), 2);
    assert_eq!(clip.name, "video 3 frames 4,6");
}

#[test]
fn instances_that_no_frame_shows_can_be_dropped() {
    let collate =
        Collate { channels: ImageFormat::Rgb, absent: AbsentInstances::Drop, device: Device::Cpu };
    assert_eq!(collate.clip(&sample()).target.labels, [2]);
}
