//! Clip-matching inference of whole networks, against the Python reference.

use std::collections::BTreeMap;

use seqformer::config::{BackboneConfig, ResNetConfig, TransformerConfig};
use seqformer::inference::{
    ClipPredictor, ClipRule, ClipTracker, ClipVideo, InferenceModel, TrackTable, classify,
    final_masks,
};
use seqformer::{Precision, SeqFormer, SeqFormerConfig};
use seqformer_masks::{BitMask, ImageSize, Rle};
use seqformer_testing::{assert_close, formula_pixels, formula_weights, golden_path, read_json};
use tch::{Device, Tensor, nn};

use crate::golden_forward::prepared_model;
use crate::golden_tracker::{Golden, dense_logits, final_areas, host};

/// Pixels of a result that rounding may move to the other side of the threshold.
const MOVED_PIXELS: i64 = 5;
const OUTPUT: ImageSize = ImageSize { height: 72, width: 100 };

/// Runs one video of a golden file in steps of `step` frames and compares everything on the way.
fn check_video(model: &InferenceModel, golden: &Golden, video: &str, rule: ClipRule, step: i64) {
    let frames = golden.tensor(&format!("{video}.network_input_u8"));
    let frame_size = seqformer::size_of_frames(&frames).unwrap();
    let mut predictor = ClipPredictor::new(model, frame_size, rule).unwrap();
    let mut tracker = ClipTracker::default();
    let (mut clip, mut known, mut finished) = (0, 0, Vec::new());
    let mut run = |predictor: &mut ClipPredictor<'_>| {
        while let Some(prediction) = predictor.next_clip().unwrap() {
            let prefix = format!("{video}.clip{clip}");
            let at = |name: &str| format!("{prefix}.{name}");
            let found: Vec<usize> = prediction.frames.clone().collect();
            assert_eq!(found, golden.indices(&at("frame_idx")), "{prefix}");
            let class_probs = host(&prediction.class_probs);
            assert_close(&at("cls_probs"), &class_probs, &golden.floats(&at("cls_probs")), 1e-5);
            if golden.state.get(&at("mask_logits")).is_some() {
                let logits = host(&prediction.mask_logits);
                assert_close(&at("mask_logits"), &logits, &golden.floats(&at("mask_logits")), 2e-4);
            }
            let association = tracker.update(&prediction);
            golden.check_association(&prefix, &association, known);
            known = association.num_tracks;
            clip += 1;
        }
        finished.extend(tracker.finish_frames(predictor.first_needed()));
    };
    for part in frames.split(step, 0) {
        predictor.push(&part).unwrap();
        run(&mut predictor);
    }
    predictor.end().unwrap();
    run(&mut predictor);
    assert!(
        golden.state.get(&format!("{video}.clip{clip}.siou")).is_none(),
        "{video} has more clips"
    );
    assert_eq!(finished.len() as i64, frames.size()[0]);
    let class_probs = tracker.class_probs();
    let expected = golden.floats(&format!("{video}.result_cls"));
    assert_close(&format!("{video}.result_cls"), &class_probs.concat(), &expected, 1e-5);
    let logits = host(&dense_logits(&finished, known, [16, 24]));
    let expected = golden.floats(&format!("{video}.result_mask_logits"));
    assert_close(&format!("{video}.result_mask_logits"), &logits, &expected, 2e-4);
    let detections = classify(class_probs.iter().map(Vec::as_slice), Some(0.05));
    let labels: Vec<usize> = detections.iter().map(|detection| detection.label).collect();
    assert_eq!(labels, golden.indices(&format!("{video}.labels")));
    let scores: Vec<f32> = detections.iter().map(|detection| detection.score).collect();
    assert_close(
        &format!("{video}.scores"),
        &scores,
        &golden.floats(&format!("{video}.scores")),
        1e-5,
    );
    let (areas, _) = final_areas(&finished, known, frame_size, OUTPUT);
    let expected = golden.integers(&format!("{video}.mask_area"));
    let expected: Vec<&[i64]> = expected.chunks(finished.len()).collect();
    assert_eq!(detections.len(), expected.len());
    for (detection, expected) in detections.iter().zip(expected) {
        let moved: i64 =
            areas[detection.rank].iter().zip(expected).map(|(a, b)| (a - b).abs()).sum();
        assert!(moved <= MOVED_PIXELS, "{video}: {detection:?}: {moved} pixels");
    }
}

fn check_tiny(case: &str, length: usize, stride: usize) {
    let model = prepared_model(Precision::F32);
    let golden = Golden::open(&format!("public/{case}.safetensors"));
    let rule = ClipRule { length, stride, max_queries: 10 };
    for step in [1, 3, 11] {
        for video in ["video0", "video1"] {
            check_video(&model, &golden, video, rule, step);
        }
    }
}

#[test]
fn overlapping_clips_agree_with_the_reference() {
    check_tiny("tiny_clip_L5S1", 5, 1);
}

#[test]
fn clips_with_a_stride_agree_with_the_reference() {
    check_tiny("tiny_clip_L4S3", 4, 3);
}

/// Compares the masks of all results with the file that the reference's evaluator wrote.
fn check_results(case: &str, length: usize, stride: usize) {
    let model = prepared_model(Precision::F32);
    let golden = Golden::open(&format!("public/{case}.safetensors"));
    let results = read_json(&golden_path(&format!("public/{case}/results.json"))).unwrap();
    let mut results = results.as_array().unwrap().iter();
    for (video, id) in [("video0", 17), ("video1", 18)] {
        let frames = golden.tensor(&format!("{video}.network_input_u8"));
        let frame_size = seqformer::size_of_frames(&frames).unwrap();
        let rule = ClipRule { length, stride, max_queries: 10 };
        let mut table = TrackTable::default();
        let mut clips = ClipVideo::new(&model, frame_size, rule).unwrap();
        let mut finished = clips.push(&frames).unwrap();
        let end = clips.finish().unwrap();
        finished.extend(end.frames);
        for frame in finished {
            let masks = final_masks(&frame.mask_logits, frame_size, OUTPUT);
            let mask = |row: usize| bytes(&masks.get(row as i64));
            table.push_frame(
                frame.tracks.iter().enumerate().map(|(row, &track)| (track, mask(row))),
            );
        }
        for detection in classify(end.class_probs.iter().map(Vec::as_slice), Some(0.05)) {
            let expected = results.next().expect("the reference has as many results");
            assert_eq!(expected["video_id"].as_i64(), Some(id));
            assert_eq!(expected["category_id"].as_i64(), Some([2, 3, 5, 7, 11][detection.label]));
            assert!(
                (expected["score"].as_f64().unwrap() - f64::from(detection.score)).abs() < 1e-5
            );
            let segmentations = expected["segmentations"].as_array().unwrap();
            assert_eq!(segmentations.len(), table.num_frames());
            let moved: usize = segmentations
                .iter()
                .zip(table.masks(detection.rank))
                .map(|(expected, found)| {
                    let expected =
                        Rle::parse_compressed(OUTPUT, expected["counts"].as_str().unwrap())
                            .unwrap();
                    let expected = expected.decode();
                    let empty = BitMask::new(OUTPUT).into_bytes();
                    let found = found.unwrap_or(&empty);
                    expected.as_bytes().iter().zip(found).filter(|(a, b)| a != b).count()
                })
                .sum();
            assert!(moved as i64 <= MOVED_PIXELS, "{case} {video}: {detection:?}: {moved} pixels");
        }
    }
    assert_eq!(results.next(), None);
}

fn bytes(mask: &Tensor) -> Vec<u8> {
    let mask = mask.to_kind(tch::Kind::Uint8).contiguous();
    let mut bytes = vec![0; mask.numel()];
    mask.copy_data(&mut bytes, mask.numel());
    bytes
}

#[test]
fn results_have_the_pixels_of_the_reference() {
    check_results("tiny_clip_L5S1", 5, 1);
    check_results("tiny_clip_L4S3", 4, 3);
}

/// The network of `base_ytvis.yaml`.
fn r50() -> SeqFormerConfig {
    SeqFormerConfig {
        pixel_mean: [123.675, 116.28, 103.53],
        pixel_std: [58.395, 57.12, 57.375],
        backbone: BackboneConfig::ResNet(ResNetConfig {
            depth: 50,
            stem_out_channels: 64,
            res2_out_channels: 256,
            num_groups: 1,
            width_per_group: 64,
            stride_in_1x1: false,
            res5_dilation: 1,
            freeze_at: 2,
        }),
        transformer: TransformerConfig {
            hidden_dim: 256,
            num_heads: 8,
            num_encoder_layers: 6,
            num_decoder_layers: 6,
            feedforward_dim: 1024,
            dropout: 0.1,
            num_encoder_points: 4,
            num_decoder_points: 4,
        },
        num_classes: 40,
        num_queries: 300,
        query_groups: 1,
    }
}

fn formula_model() -> InferenceModel {
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), &r50()).unwrap();
    for (name, mut variable) in vs.variables().into_iter().collect::<BTreeMap<_, _>>() {
        let values = formula_weights(&name, &variable.size());
        let values = Tensor::from_slice(&values).view(variable.size().as_slice());
        tch::no_grad(|| variable.copy_(&values));
    }
    model.prepare(vs, Precision::F32)
}

#[test]
fn clips_of_a_full_size_network_agree_with_the_reference() {
    let golden = read_json(&golden_path("formula/inference.json")).unwrap();
    let golden = &golden["r50_clip_matching"];
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let model = formula_model();
    let (frame_size, output_size) =
        (ImageSize { height: 72, width: 100 }, ImageSize { height: 108, width: 150 });
    let frames = Tensor::from_slice(&formula_pixels(7777, 6 * 3 * 72 * 100)).view([6, 3, 72, 100]);
    let rule = ClipRule { length: 3, stride: 2, max_queries: 10 };
    let mut clips = ClipVideo::new(&model, frame_size, rule).unwrap();
    let mut finished = clips.push(&frames).unwrap();
    let end = clips.finish().unwrap();
    finished.extend(end.frames);
    let (areas, _) = final_areas(&finished, end.class_probs.len(), frame_size, output_size);
    let detections = classify(end.class_probs.iter().map(Vec::as_slice), Some(0.05));
    assert_eq!(detections.len() as u64, golden["n"].as_u64().unwrap());
    let score_sum: f64 = detections.iter().map(|detection| f64::from(detection.score)).sum();
    assert!((score_sum - number(&golden["score_sum"])).abs() < 1e-3, "{score_sum}");
    let area_sum: i64 = detections.iter().flat_map(|detection| &areas[detection.rank]).sum();
    let moved = (area_sum - golden["area_sum"].as_i64().unwrap()).abs();
    assert!(moved <= MOVED_PIXELS * detections.len() as i64, "{moved} pixels");
    for (index, detection) in detections.iter().take(10).enumerate() {
        assert_eq!(detection.label as u64, golden["labels_first10"][index].as_u64().unwrap());
        assert!(
            (f64::from(detection.score) - number(&golden["scores_first10"][index])).abs() < 1e-4
        );
        let expected = golden["areas_first10"][index].as_array().unwrap();
        let moved: f64 = areas[detection.rank]
            .iter()
            .zip(expected)
            .map(|(area, expected)| (*area as f64 - number(expected)).abs())
            .sum();
        assert!(moved <= MOVED_PIXELS as f64, "{detection:?}: {moved} pixels");
    }
}
