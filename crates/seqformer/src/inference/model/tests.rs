//! The prepared network against the plain one, layer by layer: the same inputs, the same weights.

use std::cell::RefCell;
use std::collections::BTreeMap;

use seqformer_cuda::kernels::NormedSum;
use seqformer_ops::precision::autocast;
use seqformer_testing::{common_noise, common_weights};
use tch::{Device, Kind, nn};

use super::encoder::GpuEncoderLayer;
use super::*;
use crate::config::tests::{swin, tiny};
use crate::transformer::{BoxQueries, Encoder, Frames, aggregate};

/// Frames that are not padded alike on both sides.
const SIZE: ImageSize = ImageSize { height: 40, width: 64 };
const NUM_FRAMES: i64 = 3;

/// The largest differences of a comparison that has a bound for each precision.
struct Comparison {
    precision: Precision,
    off: RefCell<Vec<String>>,
}

impl Comparison {
    /// Compares in units of the largest number, or of one: 1e-5 in `f32`, as all layers are; in `bf16`, which has 8 bits,
    /// a layer of some sums.
    fn near(&self, what: &str, found: &Tensor, expected: &Tensor) {
        let tolerance = if self.precision == Precision::Bf16 { 0.05 } else { 1e-5 };
        self.within(what, found, expected, tolerance);
    }

    fn within(&self, what: &str, found: &Tensor, expected: &Tensor, tolerance: f64) {
        assert_eq!(found.size(), expected.size(), "{what}");
        let (found, expected) = (found.to_kind(Kind::Float), expected.to_kind(Kind::Float));
        let scale = expected.abs().max().double_value(&[]).max(1.0);
        let difference = (found - expected).abs().max().double_value(&[]) / scale;
        if difference.is_nan() || difference > tolerance {
            let message =
                format!("{what}: off by {difference:e} of {scale}, at most {tolerance:e}");
            self.off.borrow_mut().push(message);
        }
    }
}

/// A network in training that drops nothing, with weights by the common formula, and its parameters.
fn network(config: &SeqFormerConfig) -> (nn::VarStore, SeqFormer) {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), config).unwrap();
    for (name, mut variable) in vs.variables().into_iter().collect::<BTreeMap<_, _>>() {
        if variable.kind() == Kind::Float {
            // What moves points is small, as in a trained network: else rounding grows from layer to layer.
            let moves = name.ends_with("sampling_offsets.weight") || name.contains("bbox_embed.");
            let values = Tensor::from_slice(&common_weights(&name, &variable.size()));
            let values = values.view_as(&variable) * if moves { 0.1 } else { 1.0 };
            tch::no_grad(|| variable.copy_(&values));
        }
    }
    (vs, model)
}

fn noise(name: &str, size: &[i64]) -> Tensor {
    Tensor::from_slice(&common_noise(name, size.iter().product::<i64>() as usize)).view(size)
}

/// Holds all layers of a network against each other.
fn compare(config: &SeqFormerConfig, precision: Precision) {
    let check = Comparison { precision, off: RefCell::default() };
    let (_variables, plain) = network(config);
    let (variables, model) = network(config);
    let prepared = model.prepare(variables, precision);
    let _guard = tch::no_grad_guard();
    let [height, width] = SIZE.sides();
    let frames = (noise("frames", &[NUM_FRAMES, 3, height, width]) + 0.5) * 255.0;
    let layout = plain.token_layout(&[SIZE]);
    let images = plain.preprocess(&frames, SIZE).unwrap();
    let features = plain.backbone_features(&images);
    for (index, (found, expected)) in
        prepared.backbone_features(&images).iter().zip(&features).enumerate()
    {
        check.near(&format!("backbone.res{}", index + 2), found, expected);
    }
    let maps = plain.project(&features);
    for (level, (found, expected)) in prepared.project(&features).iter().zip(&maps).enumerate() {
        check.near(&format!("input_proj.{level}"), found, expected);
    }
    let memory = compare_encoder(&plain, &prepared, &layout.flatten(&maps), &layout, &check);
    compare_decoder(&plain, &prepared, &memory, &layout, &check);
    let tokens = memory.flatten(0, 1);
    let mask_features = plain.mask_features(&tokens, &layout);
    // Five convolutions, one after the other.
    let tolerance = if precision == Precision::Bf16 { 0.1 } else { 1e-5 };
    let found = prepared.mask_features(&tokens, &layout);
    check.within("mask_features", &found, &mask_features, tolerance);
    compare_whole(&plain, &prepared, &images, &layout, &check);
    let off = check.off.into_inner();
    assert!(off.is_empty(), "{precision:?}:\n{}", off.join("\n"));
}

/// Each layer on what the plain layers before it give; the memory.
fn compare_encoder(
    plain: &SeqFormer,
    prepared: &InferenceModel,
    tokens: &Tensor,
    layout: &TokenLayout,
    check: &Comparison,
) -> Tensor {
    let frames = Frames::new(NUM_FRAMES, layout);
    let mut input = tokens.flatten(0, 1);
    for (index, (layer, twin)) in
        plain.encoder.layers.iter().zip(&prepared.encoder.layers).enumerate()
    {
        let output = layer.forward(&input, &frames.positions, &frames);
        let found = twin.forward(&NormedSum { full: input, rounded: None }, &frames);
        check.near(&format!("encoder.{index}"), &found.full, &output);
        input = output;
    }
    let found = by_gpu_layers(&plain.encoder, tokens.flatten(0, 1), &frames, check.precision);
    check.near("the encoder's layers for GPUs", &found, &input);
    input.view_as(tokens)
}

/// All layers as on a GPU, which leave each other their tokens in the kind of products.
fn by_gpu_layers(encoder: &Encoder, full: Tensor, frames: &Frames, precision: Precision) -> Tensor {
    let is_mixed = precision == Precision::Bf16;
    let work = || {
        let mut tokens = NormedSum { full, rounded: None };
        for layer in &encoder.layers {
            tokens = GpuEncoderLayer::new(layer, precision).forward(&tokens, frames);
            assert_eq!(tokens.full.kind(), Kind::Float);
            assert_eq!(tokens.rounded.is_some(), is_mixed);
        }
        tokens.full
    };
    if is_mixed { autocast(Device::Cpu, work) } else { work() }
}

/// Each layer and head on what the plain layers before it give.
fn compare_decoder(
    plain: &SeqFormer,
    prepared: &InferenceModel,
    memory: &Tensor,
    layout: &TokenLayout,
    check: &Comparison,
) {
    let queries = plain.query_embed.queries();
    let mut boxes = BoxQueries::new(&queries, memory);
    let mut instances = queries.of_clips(1);
    let (layers, twins) = (&plain.decoder.layers, &prepared.decoder.layers);
    for (index, (layer, twin)) in layers.iter().zip(twins).enumerate() {
        let input = boxes.input(&queries, memory);
        let (read, found) = (layer.read_frames(&input, layout), twin.read_frames(&input, layout));
        check.near(&format!("decoder.{index}.boxes"), &found.boxes, &read.boxes);
        check.near(&format!("decoder.{index}.features"), &found.features, &read.features);
        check.near(&format!("decoder.{index}.scores"), &found.scores, &read.scores);
        let delta = plain.decoder.bbox_embed[index].forward_full(&read.boxes);
        let found = prepared.decoder.bbox_embed[index].forward_full(&read.boxes);
        check.near(&format!("bbox_embed.{index}"), &found, &delta);
        let features = FrameFeatures { layers: vec![boxes.advance(read, &delta, true)] };
        let gathered = aggregate(&[&features], 0);
        let found = twin.update_instances(&instances, &queries.positions, &gathered);
        instances = layer.update_instances(&instances, &queries, gathered);
        check.near(&format!("decoder.{index}.instances"), &found, &instances);
    }
}

/// Classes, boxes and masks at the end.
fn compare_whole(
    plain: &SeqFormer,
    prepared: &InferenceModel,
    images: &Tensor,
    layout: &TokenLayout,
    check: &Comparison,
) {
    let [whole, masks] = match check.precision {
        Precision::Bf16 => [0.1, 0.1],
        // Distances in pixels multiply what the dynamic parameters are off.
        Precision::F32 | Precision::Tf32 => [1e-4, 1e-3],
    };
    let output = plain.forward(images, layout, KeepLayers::Last);
    let (last, layer) = (prepared.last_layer(), &output.layers[0]);
    let heads = plain.heads(layer, last, &[SIZE]);
    let points = heads.reference_points_px.get(0);
    let logits = plain.masks(&output.mask_features, &heads.dynamic_params.get(0), &points);
    let memory = prepared.encode_images(images, layout);
    let features = prepared.mask_features(&memory.get(0), layout);
    let memory = Memory { parts: memory.split(2, 1) };
    let found = prepared.decode(&memory, layout, KeepLayers::Last).layers.remove(0);
    let found_heads = prepared.heads(&found, last, &[SIZE]);
    let found_points = found_heads.reference_points_px.get(0);
    let found_logits = prepared.masks(&features, &found_heads.dynamic_params.get(0), &found_points);
    check.within("pred_logits", &found_heads.pred_logits, &output.pred_logits[0], whole);
    check.within("pred_boxes", &found.pred_boxes, &layer.pred_boxes, whole);
    check.within("pred_masks", &found_logits, &logits, masks);
}

#[test]
fn every_prepared_layer_gives_what_the_plain_one_gives() {
    let still = |change: &dyn Fn(&mut SeqFormerConfig)| {
        let mut config = tiny();
        config.transformer.dropout = 0.0;
        change(&mut config);
        config
    };
    let cases = [
        still(&|_| {}),
        still(&|config| config.backbone = swin(|swin| swin.drop_path = 0.0)),
        // Heads of four channels, for which no layer is one operation.
        still(&|config| config.transformer.num_heads = 16),
    ];
    for config in cases {
        for precision in [Precision::F32, Precision::Bf16] {
            compare(&config, precision);
        }
    }
}
