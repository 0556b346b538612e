//! Inference in bf16 beside the golden tensors: how far rounding to 8 bits carries.

use seqformer::{KeepLayers, Memory, Precision};
use seqformer_testing::golden_path;
use tch::{Kind, Tensor};

use crate::golden_forward::{Golden, prepared_model};

/// The greatest difference, and the mean one.
fn differences(found: &Tensor, expected: &Tensor) -> [f64; 2] {
    let difference = (found.to_kind(Kind::Float) - expected.view_as(found)).abs();
    [difference.max().double_value(&[]), difference.mean(Kind::Float).double_value(&[])]
}

#[test]
fn logits_in_bf16_stay_near_those_of_the_reference() {
    let path = golden_path("public/tiny_forward.safetensors");
    let golden =
        Golden { state: seqformer_checkpoint::read(&path).unwrap(), seen: vec![], off: vec![] };
    let model = prepared_model(Precision::Bf16);
    let frames = golden.tensor("frames_u8");
    let size = seqformer::size_of_frames(&frames).unwrap();
    let layer = model.last_layer();
    let [classes, masks] = tch::no_grad(|| {
        let layout = model.token_layout(&[size]);
        let images = model.preprocess(&frames, size).unwrap();
        let memory = model.encode_images(&images, &layout);
        let features = model.mask_features(&memory.get(0), &layout);
        let memory = Memory { parts: vec![memory] };
        let output = model.decode(&memory, &layout, KeepLayers::Last).layers.remove(0);
        let heads = model.heads(&output, layer, &[size]);
        let params = heads.dynamic_params.get(0);
        let masks = model.masks(&features, &params, &heads.reference_points_px.get(0));
        let expected = |name: &str| golden.tensor(&format!("dec{layer}.{name}"));
        [
            differences(&heads.pred_logits, &expected("class_logits")),
            differences(&masks, &expected("mask_logits")),
        ]
    });
    println!("class logits: {classes:?}, mask logits: {masks:?}");
    assert!(classes[0] < 0.1 && classes[1] < 0.02, "class logits: {classes:?}");
    assert!(masks[0] < 1.0 && masks[1] < 0.05, "mask logits: {masks:?}");
}
