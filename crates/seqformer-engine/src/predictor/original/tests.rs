use seqformer::inference::{WholeVideo, final_masks_in_one_step};
use seqformer_config::config::ResultRule;
use seqformer_data::RgbImage;
use seqformer_masks::{BitMask, ImageSize, Rle};
use tch::Tensor;

use super::super::tests::{frames, tiny_predictor};
use super::*;
use crate::{ClipOptions, Predictor, encode_masks};

fn original_predictor() -> Predictor {
    let mut predictor = tiny_predictor();
    predictor.options.results = ResultRule::Original;
    predictor.options.rule.class_threshold = None;
    predictor
}

/// Class logits `[Q, K]` and mask logits `[Q, T, h, w]` of a video.
fn network_output(predictor: &Predictor, images: &[RgbImage]) -> (Tensor, Tensor, ImageSize) {
    let input = images[0].size;
    let mut video = WholeVideo::new(predictor.model(), input);
    let tensor =
        crate::predictor::frames_tensor(images.iter(), predictor.options.channels).unwrap();
    video.push(&tensor).unwrap();
    let decoded = video.decode().unwrap();
    let logits = decoded.pred_logits().reshape([-1, 5]);
    let queries: Vec<i64> = (0..logits.size()[0]).collect();
    let parts: Vec<Tensor> =
        (0..decoded.num_parts()).map(|part| decoded.mask_logits(&queries, part)).collect();
    (logits, Tensor::cat(&parts, 1), input)
}

#[test]
fn results_equal_those_of_plain_tensor_operations() {
    let predictor = original_predictor();
    for name in ["vid_long", "vid_short"] {
        let images: Vec<RgbImage> = frames(name).map(Result::unwrap).collect();
        let output = images[0].size;
        let found = predictor.predict(images.clone().into_iter().map(Ok), &mut |_| {}).unwrap();
        let inputs: Vec<RgbImage> = images.iter().map(|image| predictor.resize(image)).collect();
        let (logits, masks, input) = network_output(&predictor, &inputs);
        // The ten best of all probabilities, grouped by their queries in the order in which these appear.
        let num_classes = logits.size()[1];
        let (scores, pairs) = logits.sigmoid().flatten(0, 1).topk(10, 0, true, true);
        let mut groups: Vec<(i64, Vec<(usize, f32)>)> = Vec::new();
        for index in 0..10 {
            let (query, label) = (
                pairs.int64_value(&[index]) / num_classes,
                pairs.int64_value(&[index]) % num_classes,
            );
            let hit = (label as usize, scores.double_value(&[index]) as f32);
            match groups.iter_mut().find(|(known, _)| *known == query) {
                Some((_, hits)) => hits.push(hit),
                None => groups.push((query, vec![hit])),
            }
        }
        let mut expected = Vec::new();
        for (query, hits) in groups {
            let masks = final_masks_in_one_step(&masks.get(query), input, output); // [T, H, W]
            if masks.any().int64_value(&[]) == 0 {
                continue;
            }
            let masks = encode_masks(&masks);
            expected.extend(hits.into_iter().map(|(label, score)| (label, score, masks.clone())));
        }
        assert_eq!(found.detections.len(), expected.len(), "{name}");
        for (detection, (label, score, masks)) in found.detections.iter().zip(expected) {
            assert_eq!(detection.label, label);
            assert!((detection.score - score).abs() < 1e-5);
            let track: Vec<Rle> = found.masks.track(detection.rank).collect();
            // Logits near zero depend on the order of sums.
            let apart: u64 =
                track.iter().zip(&masks).map(|(a, b)| a.area().abs_diff(b.area())).sum();
            assert!(apart <= 5, "{name}: {apart}");
        }
    }
}

#[test]
fn instances_without_a_pixel_are_left_out_and_low_scores_lose_their_masks() {
    let size = ImageSize { height: 2, width: 2 };
    let mut dot = BitMask::new(size);
    dot.set(0, 1, true);
    let (dot, empty) = (Rle::encode(&dot), Rle::empty(size));
    let mut masks = TrackMasks::new(size);
    masks.push_frame([(0, &empty), (1, &dot), (2, &empty)]);
    masks.push_frame([(0, &empty), (1, &empty), (2, &dot)]);
    let detection = |rank, label, score| Detection { rank, label, score };
    let all = vec![
        detection(0, 4, 0.9),
        detection(1, 2, 0.5),
        detection(1, 0, 0.000_9),
        detection(2, 3, 0.001),
    ];
    let kept = visible(all, &mut masks);
    let expected = [detection(1, 2, 0.5), detection(3, 0, 0.000_9), detection(2, 3, 0.001)];
    assert_eq!(kept, expected);
    assert_eq!(masks.track(3).collect::<Vec<_>>(), [empty.clone(), empty.clone()]);
    assert_eq!(masks.track(1).collect::<Vec<_>>(), [dot, empty]);
}

#[test]
fn clips_have_no_such_rule() {
    let mut predictor = original_predictor();
    predictor.options.clips = Some(ClipOptions::new(4, 3));
    let error = predictor.options.check().unwrap_err().to_string();
    assert!(
        error.contains("MODEL.SeqFormer.RESULT_RULE") && error.contains("CLIP_MATCHING"),
        "{error}"
    );
}
