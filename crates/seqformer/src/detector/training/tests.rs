use std::collections::BTreeMap;

use seqformer_testing::{common_noise, common_weights};
use tch::{Device, nn};

use super::*;
use crate::config::SeqFormerConfig;
use crate::config::tests::tiny;
use crate::{Losses, SetCriterion, load_state_dict, state_dict};

const GROUPS: i64 = 2;
const SIZE: ImageSize = ImageSize { height: 40, width: 64 };
const QUERIES: &str = "detr.detr.query_embed.weight";
const FURTHER: &str = "detr.detr.query_embed.further_groups";

/// A network that drops nothing, with weights by the common formula.
fn network(query_groups: i64) -> (nn::VarStore, SeqFormer) {
    let mut config = SeqFormerConfig { query_groups, ..tiny() };
    config.transformer.dropout = 0.0;
    let vs = nn::VarStore::new(Device::Cpu);
    let model = SeqFormer::new(&vs.root(), &config).unwrap();
    for (name, variable) in &vs.variables().into_iter().collect::<BTreeMap<_, _>>() {
        if variable.kind() == Kind::Float {
            let values = Tensor::from_slice(&common_weights(name, &variable.size()));
            tch::no_grad(|| variable.shallow_clone().copy_(&values.view_as(variable)));
        }
    }
    (vs, model)
}

fn noise(name: &str, size: &[i64]) -> Tensor {
    Tensor::from_slice(&common_noise(name, size.iter().product::<i64>() as usize)).view(size)
}

/// Two clips of two frames, with two instances and with one.
fn clips() -> (Vec<Tensor>, Vec<ClipTarget>) {
    let [height, width] = SIZE.sides();
    let clip = |index: i64, labels: &[i64]| {
        let count = labels.len() as i64;
        let frames = (noise(&format!("frames {index}"), &[2, 3, height, width]) + 0.5) * 255.0;
        let boxes = noise(&format!("boxes {index}"), &[count, 2, 4]) * 0.1 + 0.4;
        let masks = noise(&format!("masks {index}"), &[count, 2, height, width]).gt(0.0);
        (frames, ClipTarget { labels: labels.to_vec(), boxes, masks, size: SIZE, exhaustive: None })
    };
    [clip(0, &[1, 4]), clip(1, &[2])].into_iter().unzip()
}

fn losses(model: &SeqFormer) -> (TrainOutput, Losses) {
    let (clips, targets) = clips();
    let matcher = HungarianMatcher::default();
    let output = model.forward_train(&clips, &targets, &matcher, KeepLayers::All).unwrap();
    let losses = SetCriterion::default().forward(&output, &targets, 3.0);
    (output, losses)
}

fn near(found: &Tensor, expected: &Tensor, what: &str) {
    let largest = |tensor: &Tensor| tensor.abs().max().double_value(&[]);
    let (difference, scale) = (largest(&(found - expected)), largest(expected));
    assert!(difference < 1e-4 * scale, "{what}: off by {difference} of {scale}");
}

#[test]
fn groups_learn_apart_and_predictions_have_the_first_alone() {
    let (vs, model) = network(GROUPS);
    let variables = vs.variables();
    let (output, found) = losses(&model);
    found.total().backward();
    let further = &variables[FURTHER];
    let num_queries = model.config().num_queries;
    assert_eq!(output.layers[0].pred_logits.size(), [2, GROUPS * num_queries, 5]);

    // Each group is a network of its own, and the loss is the mean of theirs.
    let mut total = 0.0;
    for group in 0..GROUPS {
        let (single_vs, single) = network(1);
        let embedding = &single_vs.variables()[QUERIES];
        if group > 0 {
            let own = further.narrow(0, (group - 1) * num_queries, num_queries);
            tch::no_grad(|| embedding.shallow_clone().copy_(&own));
        }
        let (expected_output, expected) = losses(&single);
        expected.total().backward();
        for (layer, expected) in output.layers.iter().zip(&expected_output.layers) {
            let own = |all: &Tensor, dim: i64| all.narrow(dim, group * num_queries, num_queries);
            near(&own(&layer.pred_logits, 1), &expected.pred_logits, "logits");
            near(&own(&layer.pred_boxes, 2), &expected.pred_boxes, "boxes");
        }
        let gradient = match group {
            0 => variables[QUERIES].grad(),
            _ => further.grad().narrow(0, (group - 1) * num_queries, num_queries),
        };
        near(&(gradient * GROUPS as f64), &embedding.grad(), "gradient of the queries");
        total += expected.total().double_value(&[]) / GROUPS as f64;
    }
    let difference = found.total().double_value(&[]) - total;
    assert!(difference.abs() < 1e-3, "{total} and {difference} more");

    // Without training there is one group.
    let images = model.preprocess(&clips().0[0], SIZE).unwrap();
    let _guard = tch::no_grad_guard();
    let one = model.forward(&images, &model.token_layout(&[SIZE]), KeepLayers::Last);
    let first = output.layers[1].pred_logits.narrow(0, 0, 1).narrow(1, 0, num_queries);
    near(&one.pred_logits[0], &first, "prediction");
    let (predicting, _model) = network(1);
    assert!(load_state_dict(&predicting, &state_dict(&vs).unwrap()).unwrap().is_complete());
}
