//! Losses, matches, masks and gradients of one training batch of a tiny network.

use seqformer::{
    ClipTarget, HungarianMatcher, KeepLayers, LossWeights, Losses, Predictions, RecomputedParts,
    SeqFormer, SetCriterion, TrainOutput, mean_instances,
};
use seqformer_masks::ImageSize;
use seqformer_testing::{golden_path, read_json};
use tch::{Device, Kind, Tensor, nn};

use crate::golden_forward::{Golden, loaded_model};

const NUM_CLIPS: i64 = 2;

fn golden(file: &str) -> Golden {
    let state = seqformer_checkpoint::read(&golden_path(file)).unwrap();
    Golden { state, seen: vec![], off: vec![] }
}

fn integers(golden: &Golden, name: &str) -> Vec<i64> {
    Vec::try_from(golden.tensor(name).view([-1]).to_kind(Kind::Int64)).unwrap()
}

/// The two clips of `tiny_train`.
pub(crate) fn batch() -> (Vec<Tensor>, Vec<ClipTarget>) {
    let golden = golden("public/tiny_train.safetensors");
    let clips =
        (0..NUM_CLIPS).map(|clip| golden.tensor(&format!("video{clip}.frames_u8"))).collect();
    let targets = (0..NUM_CLIPS).map(|clip| {
        let name = |field: &str| format!("video{clip}.target.{field}");
        let size = integers(&golden, &name("size"));
        ClipTarget {
            labels: integers(&golden, &name("labels")),
            boxes: golden.tensor(&name("boxes")),
            masks: golden.tensor(&name("masks_u8")).to_kind(Kind::Bool),
            size: ImageSize::from_sides(size[0], size[1]).unwrap(),
            exhaustive: None,
        }
    });
    (clips, targets.collect())
}

fn forward(model: &SeqFormer, targets: &[ClipTarget]) -> TrainOutput {
    let (clips, _) = batch();
    model.forward_train(&clips, targets, &HungarianMatcher::default(), KeepLayers::All).unwrap()
}

fn losses(output: &TrainOutput, targets: &[ClipTarget], criterion: SetCriterion) -> Losses {
    criterion.forward(output, targets, mean_instances(targets, 1, |sum| sum))
}

fn check_losses(golden: &mut Golden, prefix: &str, losses: &Losses) {
    for (name, value) in losses.logged() {
        let expected = golden.tensor(&format!("{prefix}.{name}")).double_value(&[]);
        golden.check_within(&format!("{prefix}.{name}"), value, Some(1e-5 * expected.abs()));
    }
}

#[test]
fn every_loss_agrees_with_the_reference() {
    let (_variables, model) = loaded_model();
    let mut golden = golden("public/tiny_train.safetensors");
    let (_, targets) = batch();
    let output = forward(&model, &targets);
    let weighted = losses(&output, &targets, SetCriterion::default());
    let meta = read_json(&golden_path("public/tiny_train_meta.json")).unwrap();
    let expected: Vec<&str> =
        meta["loss_keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    let names: Vec<&str> = weighted.logged().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, expected);
    assert_eq!(mean_instances(&targets, 1, |sum| sum), meta["num_boxes"].as_f64().unwrap());
    check_losses(&mut golden, "loss_weighted", &weighted);
    let plain = LossWeights { class: 1.0, l1: 1.0, giou: 1.0, mask: 1.0, dice: 1.0 };
    let raw = losses(&output, &targets, SetCriterion { weights: plain, ..SetCriterion::default() });
    check_losses(&mut golden, "loss_raw", &raw);
    let total = weighted.total();
    golden.check_within("total_loss", &total, Some(1e-5 * 45.0));
    golden.check_within(
        "total_loss_with_class_error",
        &(total + &weighted.class_error),
        Some(1e-5 * 45.0),
    );
    assert!(golden.off.is_empty(), "{}", golden.off.join("\n"));
    let unseen = golden
        .state
        .arrays
        .keys()
        .filter(|name| name.contains("loss") && !golden.seen.contains(name));
    assert_eq!(unseen.count(), 0);
}

#[test]
fn every_match_and_matched_prediction_agrees_with_the_reference() {
    let (_variables, model) = loaded_model();
    let mut golden = golden("public/tiny_train.safetensors");
    let (_, targets) = batch();
    let output = tch::no_grad(|| forward(&model, &targets));
    let stack = |pick: fn(&seqformer::TrainLayer) -> &Tensor| {
        Tensor::stack(&output.layers.iter().map(pick).collect::<Vec<_>>(), 0)
    };
    let predictions = Predictions {
        logits: stack(|layer| &layer.pred_logits),
        boxes: stack(|layer| &layer.pred_boxes),
    };
    let costs = HungarianMatcher::default().costs(&predictions, &targets);
    for (index, layer) in output.layers.iter().enumerate() {
        golden.check(&format!("dec{index}.class_logits"), &layer.pred_logits);
        golden.check(&format!("dec{index}.boxes"), &layer.pred_boxes);
        let mut start = 0;
        for (clip, matches) in layer.matches.iter().enumerate() {
            let name = |field: &str| format!("dec{index}.video{clip}.{field}");
            assert_eq!(
                matches.queries,
                integers(&golden, &name("match_query")),
                "{}",
                name("match_query")
            );
            assert_eq!(
                matches.targets,
                integers(&golden, &name("match_target")),
                "{}",
                name("match_target")
            );
            golden.check(&name("cost"), &costs[clip].get(index as i64));
            let count = matches.queries.len() as i64;
            let masks = layer.pred_masks.narrow(0, start, count).unsqueeze(0);
            golden.check_within(&name("masks"), &masks, Some(2e-4));
            start += count;
        }
    }
    assert!(golden.off.is_empty(), "{}", golden.off.join("\n"));
}

/// The gradient of every trained parameter, by name; `None` when the loss does not depend on it.
fn gradients(vs: &nn::VarStore, loss: &Tensor) -> Vec<(String, Option<Tensor>)> {
    let mut parameters: Vec<(String, Tensor)> =
        vs.variables().into_iter().filter(|(_, tensor)| tensor.requires_grad()).collect();
    parameters.sort_by(|a, b| a.0.cmp(&b.0));
    let tensors: Vec<&Tensor> = parameters.iter().map(|(_, tensor)| tensor).collect();
    let gradients = Tensor::run_backward(&[loss], &tensors, false, false);
    let names = parameters.iter().map(|(name, _)| name.clone());
    names
        .zip(gradients.into_iter().map(|gradient| gradient.defined().then_some(gradient)))
        .collect()
}

#[test]
fn every_gradient_agrees_with_the_reference() {
    check_gradients(RecomputedParts::default());
}

#[test]
fn layers_that_are_run_again_give_the_same_gradients() {
    check_gradients(RecomputedParts { backbone: true, encoder: true, decoder: true });
}

fn check_gradients(recomputed: RecomputedParts) {
    let (vs, mut model) = loaded_model();
    model.set_recomputed_parts(recomputed);
    let mut golden = golden("public/tiny_train_grads.safetensors");
    let (_, targets) = batch();
    let loss = losses(&forward(&model, &targets), &targets, SetCriterion::default()).total();
    let mut without: Vec<String> = vs
        .variables()
        .into_iter()
        // Frozen parameters have no gradient; buffers are none of the reference's parameters.
        .filter(|(name, tensor)| !tensor.requires_grad() && !name.contains(".norm."))
        .map(|(name, _)| name)
        .collect();
    for (name, gradient) in gradients(&vs, &loss) {
        let Some(gradient) = gradient else {
            without.push(name);
            continue;
        };
        // The softmax over frames does not change with this bias: what is there is noise.
        let noise = name.ends_with("time_attention_weights.bias");
        let flat = gradient.flatten(0, -1);
        let count = flat.size()[0];
        let largest = gradient.abs().max().double_value(&[]);
        let tolerance = Some(if noise { 1e-6 } else { 1e-4 * largest + 1e-6 });
        let norm = gradient.norm();
        let norm_tolerance = if noise { 1e-6 } else { 1e-4 * norm.double_value(&[]) + 1e-6 };
        golden.check_within(&format!("norm/{name}"), &norm, Some(norm_tolerance));
        if count < 4096 {
            golden.check_within(&format!("full/{name}"), &gradient, tolerance);
            continue;
        }
        golden.check_within(&format!("first16/{name}"), &flat.narrow(0, 0, 16), tolerance);
        let coprime = |step: i64| step % 2 != 0 && step % 3 != 0;
        let step = (1..=count / 256).rev().find(|step| coprime(*step)).unwrap();
        let strided = flat.slice(0, 0, 255 * step + 1, step);
        golden.check_within(&format!("strided256/{name}"), &strided, tolerance);
    }
    assert!(golden.off.is_empty(), "{}", golden.off.join("\n"));
    let unseen: Vec<_> =
        golden.state.arrays.keys().filter(|name| !golden.seen.contains(name)).collect();
    assert!(unseen.is_empty(), "not compared: {unseen:?}");
    let meta = read_json(&golden_path("public/tiny_train_meta.json")).unwrap();
    let mut expected: Vec<&str> = meta["no_grad_params"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    expected.sort_unstable();
    without.sort_unstable();
    assert_eq!(without, expected);
}

/// The targets without any instance.
fn empty_targets() -> Vec<ClipTarget> {
    let empty = |target: ClipTarget| ClipTarget {
        labels: vec![],
        boxes: target.boxes.narrow(0, 0, 0),
        masks: target.masks.narrow(0, 0, 0),
        size: target.size,
        exhaustive: None,
    };
    batch().1.into_iter().map(empty).collect()
}

#[test]
fn without_instances_only_the_classes_are_trained() {
    let (vs, model) = loaded_model();
    let targets = empty_targets();
    assert_eq!(mean_instances(&targets, 1, |sum| sum), 1.0);
    let losses = losses(&forward(&model, &targets), &targets, SetCriterion::default());
    for (name, value) in losses.logged() {
        let value = value.double_value(&[]);
        match name {
            "class_error" => assert_eq!(value, 100.0),
            name if name.starts_with("loss_ce") => assert!(value > 0.0, "{name}"),
            name => assert_eq!(value, 0.0, "{name}"),
        }
    }
    // The optimizer shrinks what has a gradient, even of zero, and leaves the rest alone.
    for (name, gradient) in gradients(&vs, &losses.total()) {
        let unused = name.contains("encoder") && name.contains("output_proj_box");
        if unused || name.starts_with("detr.controller.") {
            assert!(gradient.is_none(), "{name} has a gradient");
        } else {
            let gradient = gradient.unwrap_or_else(|| panic!("{name} has no gradient"));
            let is_zero = gradient.abs().max().double_value(&[]) == 0.0;
            let head = name.starts_with("detr.mask_head.") || name.contains("bbox_embed");
            assert!(!head || is_zero, "{name} has a gradient that is not zero");
        }
    }
}

#[test]
fn a_clip_without_instances_does_not_disturb_another() {
    let (_variables, model) = loaded_model();
    let (_, mut targets) = batch();
    targets[0] = empty_targets().swap_remove(0);
    let output = tch::no_grad(|| forward(&model, &targets));
    let golden = golden("public/tiny_train.safetensors");
    for (index, layer) in output.layers.iter().enumerate() {
        assert_eq!(layer.pred_masks.size()[0], 3);
        assert_eq!(layer.matches[0].queries, Vec::<i64>::new());
        assert_eq!(
            layer.matches[1].queries,
            integers(&golden, &format!("dec{index}.video1.match_query"))
        );
        let expected = golden.tensor(&format!("dec{index}.video1.masks")).get(0);
        assert!((&layer.pred_masks - expected).abs().max().double_value(&[]) < 2e-4);
    }
}

/// Five more instances than the 20 queries in the first clip: those that are there, moved and resized.
fn crowded_targets() -> Vec<ClipTarget> {
    let (_, mut targets) = batch();
    let first = targets.swap_remove(0);
    let index: Vec<i64> = (0..25).map(|i| i % first.labels.len() as i64).collect();
    let index = Tensor::from_slice(&index);
    let scale = Tensor::linspace(0.6, 1.0, 25, (Kind::Float, Device::Cpu)).view([25, 1, 1]);
    let crowded = ClipTarget {
        labels: (0..25).map(|i| i % 5).collect(),
        boxes: first.boxes.index_select(0, &index) * scale,
        masks: first.masks.index_select(0, &index),
        size: first.size,
        exhaustive: None,
    };
    vec![crowded, targets.swap_remove(0)]
}

#[test]
fn with_more_instances_than_queries_every_query_gets_one_and_the_rest_are_left_out() {
    let (_variables, model) = loaded_model();
    let (clips, _) = batch();
    let targets = crowded_targets();
    let output = tch::no_grad(|| forward(&model, &targets));
    let num_boxes = mean_instances(&targets, 1, |sum| sum);
    assert_eq!(num_boxes, 28.0, "those without a query count");
    let losses = SetCriterion::default().forward(&output, &targets, num_boxes);
    let all_queries: Vec<i64> = (0..20).collect();
    for layer in &output.layers {
        assert_eq!(layer.matches[0].queries, all_queries);
        let mut found = layer.matches[0].targets.clone();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 20);
        // The instances of the second clip follow all those of the first.
        let of_batch: Vec<i64> = Vec::try_from(&layer.target_index).unwrap();
        let expected: Vec<i64> =
            layer.matches[1].targets.iter().map(|target| target + 25).collect();
        assert_eq!(of_batch[20..], expected);
    }
    // What is left is a batch like any other: its losses are those of the instances that have a query.
    let last = output.layers.last().unwrap();
    let index = Tensor::from_slice(&last.matches[0].targets);
    let kept = ClipTarget {
        labels: last.matches[0].targets.iter().map(|&i| targets[0].labels[i as usize]).collect(),
        boxes: targets[0].boxes.index_select(0, &index),
        masks: targets[0].masks.index_select(0, &index),
        size: targets[0].size,
        exhaustive: None,
    };
    let kept = [kept, batch().1.swap_remove(1)];
    let output = tch::no_grad(|| {
        model.forward_train(&clips, &kept, &HungarianMatcher::default(), KeepLayers::Last)
    });
    let of_kept = SetCriterion::default().forward(&output.unwrap(), &kept, num_boxes);
    for (name, expected) in of_kept.logged() {
        let all = losses.logged();
        let (_, found) = all.iter().find(|(known, _)| *known == name).unwrap();
        let (found, expected) = (found.double_value(&[]), expected.double_value(&[]));
        assert!((found - expected).abs() <= 1e-5 * expected.abs(), "{name}: {found}, {expected}");
    }
}

#[test]
fn the_last_layer_alone_has_the_same_losses() {
    let (_variables, model) = loaded_model();
    let (clips, targets) = batch();
    let output = tch::no_grad(|| {
        model.forward_train(&clips, &targets, &HungarianMatcher::default(), KeepLayers::Last)
    });
    let losses = losses(&output.unwrap(), &targets, SetCriterion::default());
    let names: Vec<&str> = losses.logged().iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        ["loss_ce", "class_error", "loss_bbox", "loss_giou", "loss_mask", "loss_dice"]
    );
    let mut golden = golden("public/tiny_train.safetensors");
    check_losses(&mut golden, "loss_weighted", &losses);
    assert!(golden.off.is_empty(), "{}", golden.off.join("\n"));
}

#[test]
fn a_batch_that_does_not_fit_is_an_error() {
    let (_variables, model) = loaded_model();
    let check = |clips: &[Tensor], targets: &[ClipTarget], expected: &str| {
        let matcher = HungarianMatcher::default();
        let message =
            model.forward_train(clips, targets, &matcher, KeepLayers::All).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    let (mut clips, mut targets) = batch();
    check(&[], &[], "at least one clip");
    check(&clips[..1], &targets, "a target for each of 1 clips");
    targets[1].labels[2] = 5;
    check(&clips, &targets, "clip 1: target: label: expected 0 to 4, found 5");
    clips[1] = clips[1].narrow(0, 0, 2);
    check(&clips, &targets, "clips of 3 frames each, found 2");
    clips[0] = Tensor::zeros([3, 5], (Kind::Float, Device::Cpu));
    check(&clips, &targets, "[T, 3, H, W]");
}

#[test]
fn mixed_precision_stays_near_and_every_parameter_gets_a_gradient() {
    let (variables, model) = loaded_model();
    let (_, targets) = batch();
    let total = |output: &TrainOutput| losses(output, &targets, SetCriterion::default()).total();
    let exact = tch::no_grad(|| total(&forward(&model, &targets))).double_value(&[]);
    let output = seqformer_ops::precision::autocast(Device::Cpu, || forward(&model, &targets));
    for layer in &output.layers {
        for found in [&layer.pred_logits, &layer.pred_boxes, &layer.pred_masks] {
            assert_eq!(found.kind(), Kind::Float);
        }
    }
    let loss = total(&output);
    let mixed = loss.double_value(&[]);
    assert!((mixed - exact).abs() < 0.03 * exact, "{mixed} and {exact}");
    assert_ne!(mixed, exact, "something is computed in bf16");
    let parameters: Vec<Tensor> =
        variables.trainable_variables().into_iter().filter(Tensor::requires_grad).collect();
    let gradients = Tensor::run_backward(&[loss], &parameters, false, false);
    for gradient in gradients.iter().filter(|gradient| gradient.defined()) {
        assert!(gradient.abs().sum(Kind::Float).double_value(&[]).is_finite());
        assert_eq!(gradient.kind(), Kind::Float);
    }
}
