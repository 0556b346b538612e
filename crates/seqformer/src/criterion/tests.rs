use tch::Device;

use super::*;
use crate::ClipMatches;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn target(labels: &[i64]) -> ClipTarget {
    let count = labels.len() as i64;
    ClipTarget {
        labels: labels.to_vec(),
        boxes: Tensor::full([count, 2, 4], 0.5, ON_CPU),
        masks: Tensor::ones([count, 2, 32, 32], (Kind::Bool, Device::Cpu)),
        size: ImageSize { height: 32, width: 32 },
        exhaustive: None,
    }
}

/// One clip, two frames, four queries, three classes; queries 1 and 3 have instances 1 and 0.
fn output(layers: usize) -> TrainOutput {
    let layer = |index: usize| TrainLayer {
        pred_logits: Tensor::zeros([1, 4, 3], ON_CPU) + index as f64,
        pred_boxes: Tensor::full([1, 2, 4, 4], 0.5, ON_CPU),
        pred_masks: Tensor::zeros([2, 2, 8, 8], ON_CPU),
        matches: vec![ClipMatches { queries: vec![1, 3], targets: vec![1, 0] }],
        query_index: Tensor::from_slice(&[1_i64, 3]),
        target_index: Tensor::from_slice(&[1_i64, 0]),
    };
    TrainOutput {
        layers: (0..layers).map(layer).collect(),
        padded_size: ImageSize { height: 32, width: 32 },
        query_groups: 1,
    }
}

fn value(losses: &Losses, name: &str) -> f64 {
    let found = losses.weighted.iter().find(|loss| loss.name == name);
    found.unwrap_or_else(|| panic!("no loss {name}")).value.double_value(&[])
}

#[test]
fn losses_are_divided_by_the_instances_and_weighted() {
    let targets = [target(&[2, 0])];
    let losses = SetCriterion::default().forward(&output(1), &targets, 2.0);
    // All probabilities are one half: -log p (1 - p)² is log 2 / 4 for every element.
    let element = 2.0_f64.ln() / 4.0;
    let class = (0.25 * 2.0 + 0.75 * 10.0) * element;
    let close = |name: &str, expected: f64| {
        let found = value(&losses, name);
        assert!((found - expected).abs() < 1e-6, "{name}: {found} and {expected}");
    };
    close("loss_ce", 2.0 * class / 2.0);
    close("loss_bbox", 0.0);
    close("loss_giou", 0.0);
    close("loss_mask", 2.0 * 0.25 * element);
    let cells = 2.0 * 64.0;
    close("loss_dice", 5.0 * (1.0 - (cells + 1.0) / (1.5 * cells + 1.0)));
    let sum: f64 = losses.weighted.iter().map(|loss| loss.value.double_value(&[])).sum();
    assert!((losses.total().double_value(&[]) - sum).abs() < 1e-6);
}

#[test]
fn class_error_counts_the_wrong_best_classes() {
    let mut output = output(1);
    let error = |output: &TrainOutput, labels: &[i64]| {
        let losses = SetCriterion::default().forward(output, &[target(labels)], 2.0);
        losses.class_error.double_value(&[])
    };
    // Queries 1 and 3 say classes 0 and 2; they belong to instances 1 and 0.
    output.layers[0].pred_logits =
        Tensor::from_slice(&[0.0_f32, 0., 9., 9., 0., 0., 0., 9., 0., 0., 0., 9.]).view([1, 4, 3]);
    assert_eq!(error(&output, &[2, 0]), 0.0);
    assert_eq!(error(&output, &[1, 0]), 50.0);
    assert_eq!(error(&output, &[0, 2]), 100.0);
}

#[test]
fn other_layers_are_numbered_and_follow_the_last() {
    let losses = SetCriterion::default().forward(&output(3), &[target(&[2, 0])], 2.0);
    let names: Vec<&str> = losses.weighted.iter().map(|loss| loss.name.as_str()).collect();
    let kinds = ["loss_ce", "loss_bbox", "loss_giou", "loss_mask", "loss_dice"];
    let expected: Vec<String> = ["", "_0", "_1"]
        .iter()
        .flat_map(|suffix| kinds.map(|kind| format!("{kind}{suffix}")))
        .collect();
    assert_eq!(names, expected);
    // The number is that of the layer, whose logits here are its number.
    let x = 1.0_f64;
    let p = 1.0 / (1.0 + (-x).exp());
    let class =
        0.25 * 2.0 * (1.0 - p).powi(2) * -p.ln() + 0.75 * 10.0 * p.powi(2) * -(1.0 - p).ln();
    assert!((value(&losses, "loss_ce_1") - class).abs() < 1e-5);
}

#[test]
fn instances_are_averaged_over_processes() {
    let targets = [target(&[1]), target(&[0, 2])];
    assert_eq!(mean_instances(&targets, 1, |sum| sum), 3.0);
    assert_eq!(mean_instances(&targets, 4, |sum| sum + 7.0), 2.5);
    assert_eq!(mean_instances(&[target(&[])], 8, |sum| sum + 4.0), 1.0);
}

#[test]
fn unmatched_queries_are_not_judged_by_incomplete_classes() {
    let check = |exhaustive: Option<Vec<i64>>, judged: [[f64; 3]; 4]| {
        let mut output = output(1);
        let logits = Tensor::zeros([1, 4, 3], ON_CPU).set_requires_grad(true);
        output.layers[0].pred_logits = logits.shallow_clone();
        let targets = [ClipTarget { exhaustive, ..target(&[2, 0]) }];
        let losses = SetCriterion::default().forward(&output, &targets, 2.0);
        // Queries 1 and 3 have the classes 0 and 2; at probabilities of one half, every element has the loss log 2 / 4,
        // and the derivative of a negative is (log 2 + 1/2) / 4.
        let negatives = judged.iter().flatten().sum::<f64>() - 2.0;
        let class = (0.25 * 2.0 + 0.75 * negatives) * 2.0_f64.ln() / 4.0;
        let found = value(&losses, "loss_ce");
        assert!((found - 2.0 * class / 2.0).abs() < 1e-6, "{found} and {class}");
        losses.weighted[0].value.backward();
        let slope = (2.0_f64.ln() + 0.5) / 4.0;
        for (query, row) in judged.iter().enumerate() {
            for (label, is_judged) in row.iter().enumerate() {
                let is_positive = [(1, 0), (3, 2)].contains(&(query, label));
                let expected = if is_positive { -0.25 * slope } else { 0.75 * slope * is_judged };
                let found = logits.grad().double_value(&[0, query as i64, label as i64]);
                assert!((found - expected).abs() < 1e-6, "{query} {label}: {found} and {expected}");
            }
        }
    };
    let all = [[1.0; 3]; 4];
    check(None, all);
    check(Some(vec![0, 1, 2]), all);
    let one = [0.0, 1.0, 0.0];
    check(Some(vec![1]), [one, [1.0; 3], one, [1.0; 3]]);
    check(Some(Vec::new()), [[0.0; 3], [1.0; 3], [0.0; 3], [1.0; 3]]);
}

#[test]
fn complete_clips_of_a_batch_keep_their_losses() {
    let layer = TrainLayer {
        pred_logits: Tensor::zeros([2, 2, 3], ON_CPU),
        pred_boxes: Tensor::full([2, 2, 2, 4], 0.5, ON_CPU),
        pred_masks: Tensor::zeros([1, 2, 8, 8], ON_CPU),
        matches: vec![
            ClipMatches { queries: vec![1], targets: vec![0] },
            ClipMatches { queries: vec![], targets: vec![] },
        ],
        query_index: Tensor::from_slice(&[1_i64]),
        target_index: Tensor::from_slice(&[0_i64]),
    };
    let output = TrainOutput {
        layers: vec![layer],
        padded_size: ImageSize { height: 32, width: 32 },
        query_groups: 1,
    };
    let partly = ClipTarget { exhaustive: Some(vec![0, 2]), ..target(&[]) };
    let losses = SetCriterion::default().forward(&output, &[target(&[1]), partly], 1.0);
    // One positive; five negatives in the first clip, and two of three classes for both queries of the second.
    let class = (0.25 + 0.75 * (5.0 + 4.0)) * 2.0_f64.ln() / 4.0;
    assert!((value(&losses, "loss_ce") - 2.0 * class).abs() < 1e-6);
}
