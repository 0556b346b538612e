use tch::{Device, Kind, nn};

use super::*;
use crate::config::tests::tiny;
use crate::{Precision, SeqFormer, initialize};

const SIZE: ImageSize = ImageSize { height: 40, width: 64 };

fn network() -> InferenceModel {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), &tiny()).unwrap();
    initialize(&vs, &tiny()).unwrap();
    model.prepare(vs, Precision::F32)
}

fn frames(count: i64) -> Tensor {
    let [height, width] = SIZE.sides();
    let size = [count, 3, height, width];
    let index = Tensor::arange(size.iter().product::<i64>(), (Kind::Int64, Device::Cpu));
    (index.square() * 31).remainder(251).to_kind(Kind::Uint8).view(size)
}

#[test]
fn frames_that_go_in_smaller_parts_give_the_same_numbers() {
    let model = network();
    let frames = frames(5);
    let whole = FrameEncoder::new(&model, SIZE).encode(&frames).unwrap();
    assert_eq!(whole.len(), 1);
    // As after a device had no memory for three.
    model.device_cache().set_most_at_once(SIZE, 2);
    let parts = FrameEncoder::new(&model, SIZE).encode(&frames).unwrap();
    let lengths: Vec<i64> = parts.iter().map(|part| part.mask_features.size()[0]).collect();
    assert_eq!(lengths, [2, 2, 1]);
    let features: Vec<&Tensor> = parts.iter().map(|part| &part.mask_features).collect();
    let off = (Tensor::cat(&features, 0) - &whole[0].mask_features).abs().max().double_value(&[]);
    assert!(off < 1e-5, "{off}");
    // Other sizes are not held back.
    let other = ImageSize { height: 64, ..SIZE };
    assert_eq!(model.device_cache().most_at_once(other), i64::MAX);
}

#[test]
fn a_copy_has_the_same_numbers_in_other_memory() {
    let model = network();
    let encoded = FrameEncoder::new(&model, SIZE).encode(&frames(2)).unwrap().remove(0);
    let copy = encoded.copy();
    let boxes = |encoded: EncodedFrames| (encoded.mask_features, encoded.features.into_boxes());
    let ((features, boxes), (copied, copied_boxes)) = (boxes(encoded), boxes(copy));
    for (a, b) in [(&features, &copied), (&boxes.pred_boxes, &copied_boxes.pred_boxes)] {
        assert_eq!(a, b);
        assert_ne!(a.data_ptr(), b.data_ptr());
    }
}

#[test]
fn constants_are_kept_from_video_to_video() {
    let model = network();
    let layout = |model| Rc::as_ptr(&FrameEncoder::new(model, SIZE).layout);
    let kept = FrameEncoder::new(&model, SIZE).layout;
    assert_eq!(layout(&model), Rc::as_ptr(&kept));
}

#[test]
fn an_error_about_memory_names_the_size() {
    let model = network();
    let encoder = FrameEncoder::new(&model, SIZE);
    let fail = || -> Result<(), ModelError> {
        Err(tch::TchError::Torch("CUDA out of memory. Tried to allocate 1 GiB".to_owned()).into())
    };
    assert_eq!(
        encoder.caught("the decoder", fail).unwrap_err().to_string(),
        "the device ran out of memory for the decoder, 40x64 pixels (height x width): CUDA out of memory. Tried to \
         allocate 1 GiB"
    );
}
