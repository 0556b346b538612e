//! Clips share the work on their frames without changing a number.

use seqformer::Precision;
use seqformer::inference::{ClipPredictor, ClipRule, ClipVideo, WholeVideo, top_queries};
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor};

use crate::golden_forward::prepared_model;
use crate::golden_tracker::{dense_logits, host};

const SIZE: ImageSize = ImageSize { height: 41, width: 60 };
const RULES: [(usize, usize); 5] = [(5, 1), (4, 3), (3, 3), (2, 4), (20, 1)];

/// Noise that draws nothing from libtorch's generator, whose state another test counts on.
fn video(num_frames: i64) -> Tensor {
    let [height, width] = SIZE.sides();
    let sizes = [num_frames, 3, height, width];
    let index = Tensor::arange(sizes.iter().product::<i64>(), (Kind::Int64, Device::Cpu));
    ((index + 11).square() * 7_919)
        .remainder(65_537)
        .remainder(256)
        .to_kind(Kind::Uint8)
        .view(sizes)
}

fn rule((length, stride): (usize, usize)) -> ClipRule {
    ClipRule { length, stride, max_queries: 4 }
}

fn off(a: &Tensor, b: &Tensor) -> f64 {
    (a - b).abs().max().double_value(&[])
}

#[test]
fn a_clip_is_predicted_as_if_it_were_the_whole_video() {
    let model = prepared_model(Precision::F32);
    let video = video(10);
    for case in RULES {
        let mut predictor = ClipPredictor::new(&model, SIZE, rule(case)).unwrap();
        predictor.push(&video).unwrap();
        predictor.end().unwrap();
        while let Some(clip) = predictor.next_clip().unwrap() {
            let (start, count) = (clip.frames.start as i64, clip.frames.len() as i64);
            let mut whole = WholeVideo::new(&model, SIZE);
            whole.push(&video.narrow(0, start, count)).unwrap();
            let whole = whole.decode().unwrap();
            let top = top_queries(&whole.pred_logits(), 4);
            assert!(
                off(&top.class_probs, &clip.class_probs) < 1e-5,
                "{case:?}: classes of {:?}",
                clip.frames
            );
            let logits = whole.mask_logits(&top.queries, 0);
            assert!(off(&logits, &clip.mask_logits) < 2e-4, "{case:?}: masks of {:?}", clip.frames);
        }
    }
}

#[test]
fn frames_may_come_one_by_one_in_parts_or_all_at_once() {
    let model = prepared_model(Precision::F32);
    let video = video(10);
    for case in RULES {
        let run = |step: i64| {
            let mut clips = ClipVideo::new(&model, SIZE, rule(case)).unwrap();
            let mut finished = Vec::new();
            for part in video.split(step, 0) {
                finished.extend(clips.push(&part).unwrap());
            }
            let end = clips.finish().unwrap();
            finished.extend(end.frames);
            let logits = dense_logits(&finished, end.class_probs.len(), [16, 16]);
            (end.class_probs.concat(), host(&logits))
        };
        let expected = run(10);
        for step in [1, 3, 7] {
            let found = run(step);
            seqformer_testing::assert_close(
                &format!("{case:?}, {step} at once"),
                &found.0,
                &expected.0,
                1e-5,
            );
            seqformer_testing::assert_close(
                &format!("{case:?}, {step} at once"),
                &found.1,
                &expected.1,
                2e-4,
            );
        }
    }
}

#[test]
fn frames_leave_as_soon_as_no_clip_can_hold_them() {
    let model = prepared_model(Precision::F32);
    let video = video(8);
    let mut clips = ClipVideo::new(&model, SIZE, rule((3, 1))).unwrap();
    let mut left = Vec::new();
    for part in video.split(1, 0) {
        left.push(clips.push(&part).unwrap().iter().map(|frame| frame.frame).collect::<Vec<_>>());
    }
    assert!(left[..2].iter().all(Vec::is_empty), "{left:?}");
    assert_eq!(left[2..], [[0], [1], [2], [3], [4], [5]].map(Vec::from));
    let rest: Vec<usize> = clips.finish().unwrap().frames.iter().map(|frame| frame.frame).collect();
    assert_eq!(rest, [6, 7]);
}
