use tch::{Device, Kind, nn};

use super::*;
use crate::config::tests::tiny;
use crate::{Precision, SeqFormer};

const SIZE: ImageSize = ImageSize { height: 64, width: 64 };

fn frames(count: i64) -> Tensor {
    let [height, width] = SIZE.sides();
    Tensor::zeros([count, 3, height, width], (Kind::Uint8, Device::Cpu))
}

/// A network of zeros.
fn network() -> InferenceModel {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), &tiny()).unwrap();
    model.prepare(vs, Precision::F32)
}

fn rule(length: usize, stride: usize) -> ClipRule {
    ClipRule { length, stride, max_queries: 3 }
}

#[test]
fn a_long_video_keeps_no_more_frames_than_a_short_one() {
    let model = network();
    for (length, stride, step) in [(3, 1, 1), (4, 3, 2), (2, 5, 1)] {
        let mut predictor = ClipPredictor::new(&model, SIZE, rule(length, stride)).unwrap();
        for _ in 0..12 {
            predictor.push(&frames(step)).unwrap();
            while predictor.next_clip().unwrap().is_some() {}
            let kept = predictor.encoded.len() + predictor.waiting.len();
            assert!(
                kept <= length.max(stride) + step as usize,
                "{length} by {stride}: {kept} frames"
            );
        }
        predictor.end().unwrap();
        while predictor.next_clip().unwrap().is_some() {}
        assert_eq!(predictor.encoded.len() + predictor.waiting.len(), 0);
    }
}

#[test]
fn frames_that_no_clip_holds_are_not_encoded() {
    let model = network();
    let mut predictor = ClipPredictor::new(&model, SIZE, rule(2, 5)).unwrap();
    predictor.push(&frames(7)).unwrap();
    assert_eq!(predictor.next_clip().unwrap().unwrap().frames, 0..2);
    assert_eq!(predictor.next_clip().unwrap().unwrap().frames, 5..7);
    // No other clip begins before frame 10.
    assert_eq!(
        (predictor.first_encoded, predictor.encoded.len(), predictor.waiting.len()),
        (7, 0, 0)
    );
    // The last clip is moved back to frames 9 and 10.
    predictor.push(&frames(4)).unwrap();
    assert_eq!(predictor.first_encoded, 9);
    predictor.end().unwrap();
    assert_eq!(predictor.next_clip().unwrap().unwrap().frames, 9..11);
}

#[test]
fn what_cannot_be_a_video_is_an_error() {
    let model = network();
    let message = |result: Result<(), ModelError>| result.unwrap_err().to_string();
    let mut predictor = ClipPredictor::new(&model, SIZE, rule(3, 1)).unwrap();
    assert_eq!(message(predictor.end()), "frames: expected at least one, found none");
    let other = Tensor::zeros([1, 3, 32, 64], (Kind::Uint8, Device::Cpu));
    assert_eq!(
        message(predictor.push(&other)),
        "frames: expected [T, 3, 64, 64], found [1, 3, 32, 64]"
    );
    for rule in [rule(0, 1), rule(1, 0), ClipRule { max_queries: 0, ..rule(1, 1) }] {
        assert!(ClipPredictor::new(&model, SIZE, rule).is_err(), "{rule:?}");
    }
}
