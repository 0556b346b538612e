use seqformer_kernels::InstructionSet;
use tch::{Device, Kind, Tensor};

use super::*;
use crate::non_finite::{NOT_FINITE, assert_same_classes, elements};
use crate::{LevelSize, reference};

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// A layer with random weights.
struct Layer {
    width: i64,
    heads: i64,
    points: i64,
    tensors: Vec<(Tensor, Tensor)>,
}

impl Layer {
    fn new(width: i64, heads: i64, points: i64, hidden: i64, num_levels: i64) -> Self {
        let samples = heads * num_levels * points;
        let affine = |outputs: i64, inputs: i64| {
            let scale = 1.0 / (inputs as f64).sqrt();
            (Tensor::randn([outputs, inputs], ON_CPU) * scale, Tensor::randn([outputs], ON_CPU))
        };
        let norm = || (Tensor::rand([width], ON_CPU) + 0.5, Tensor::randn([width], ON_CPU));
        let tensors = vec![
            affine(width, width),
            affine(2 * samples, width),
            affine(samples, width),
            affine(width, width),
            norm(),
            affine(hidden, width),
            affine(width, hidden),
            norm(),
            affine(width, width),
        ];
        Self { width, heads, points, tensors }
    }

    fn parameters(&self, has_second: bool) -> DeformableLayerParameters<'_> {
        let affine = |index: usize| {
            let (weight, bias) = &self.tensors[index];
            WeightBias { weight, bias }
        };
        DeformableLayerParameters {
            value_proj: affine(0),
            sampling_offsets: affine(1),
            attention_weights: affine(2),
            output_proj: affine(3),
            second_output_proj: has_second.then(|| affine(8)),
            norm1: affine(4),
            linear1: affine(5),
            linear2: affine(6),
            norm2: affine(7),
            eps: 1e-5,
            num_heads: self.heads as usize,
            num_points: self.points as usize,
        }
    }

    /// Queries and second result of the layer in plain operations.
    fn reference(
        &self,
        input: &DeformableLayerInput<'_>,
        levels: &FeatureLevels,
    ) -> (Tensor, Tensor) {
        let linear = |x: &Tensor, index: usize| {
            let (weight, bias) = &self.tensors[index];
            x.linear(weight, Some(bias))
        };
        let norm = |x: &Tensor, index: usize| {
            let (weight, bias) = &self.tensors[index];
            x.layer_norm([self.width], Some(weight), Some(bias), 1e-5, false)
        };
        let (batch, tokens, _) = input.tokens.size3().unwrap();
        let start = input.queries.unwrap_or(input.tokens);
        let start = start.expand([batch, -1, -1], false);
        let (num_queries, num_levels) = (start.size()[1], levels.len() as i64);
        let queries = &start + input.positions;
        let sizes = [batch, num_queries, self.heads, num_levels, self.points, 2];
        let offsets = linear(&queries, 1).view(sizes);
        let logits = linear(&queries, 2);
        let logits = logits.view([batch, num_queries, self.heads, num_levels * self.points]);
        let weights = logits.softmax(-1, Kind::Float).view(&sizes[..5]);
        let locations = if input.references.size()[3] == 2 {
            reference::locations(input.references, &offsets, levels)
        } else {
            let part = |first| input.references.narrow(3, first, 2).unsqueeze(2).unsqueeze(4);
            part(0) + offsets / self.points as f64 * part(2) * 0.5
        };
        let mut value = linear(input.tokens, 0);
        if let Some(padding) = input.padding {
            value = value.masked_fill(&padding.unsqueeze(-1), 0.0);
        }
        let value = value.view([batch, tokens, self.heads, self.width / self.heads]);
        let read = reference::ms_deform_attn(&value, levels, &locations, &weights);
        let stream = norm(&(start + linear(&read, 3)), 4);
        let hidden = linear(&stream, 5).relu();
        (norm(&(&stream + linear(&hidden, 6)), 7), linear(&read, 8))
    }
}

fn levels() -> FeatureLevels {
    let size = |height, width| LevelSize { height, width };
    FeatureLevels::new(&[size(9, 11), size(5, 3), size(1, 2)]).unwrap()
}

fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

/// The greatest difference between a layer and its plain form; `None` where there is no kernel.
fn difference(layer: &Layer, batch: i64, padded: bool, bf16: bool) -> Option<f64> {
    let levels = levels();
    let tokens = levels.num_tokens();
    let kernel = DeformableLayer::new(&layer.parameters(false), bf16)?;
    let padding = Tensor::rand([1, tokens], ON_CPU).lt(0.2);
    let input = DeformableLayerInput {
        tokens: &Tensor::randn([batch, tokens, layer.width], ON_CPU),
        queries: None,
        positions: &Tensor::randn([1, tokens, layer.width], ON_CPU),
        references: &Tensor::rand([1, tokens, levels.len() as i64, 2], ON_CPU),
        padding: padded.then_some(&padding),
    };
    let found = kernel.forward(&input, &levels).unwrap();
    assert!(found.second.is_none());
    Some(max_difference(&found.queries, &layer.reference(&input, &levels).0))
}

#[test]
fn queries_of_a_decoder_read_around_points_and_boxes() {
    tch::manual_seed(5);
    let levels = levels();
    let tokens = levels.num_tokens();
    let padding = Tensor::rand([2, tokens], ON_CPU).lt(0.2);
    // Points of whole groups of sixteen, and others.
    for (points, bf16) in [(4, false), (4, true), (16, false), (16, true)] {
        let layer = Layer::new(96, 3, points, 70, 3);
        let Some(kernel) = DeformableLayer::new(&layer.parameters(true), bf16) else { continue };
        for (queries, items, numbers) in [(7, 1, 2), (150, 2, 4), (64, 1, 4), (1, 2, 2)] {
            let input = DeformableLayerInput {
                tokens: &Tensor::randn([2, tokens, 96], ON_CPU),
                queries: Some(&Tensor::randn([items, queries, 96], ON_CPU)),
                positions: &Tensor::randn([1, queries, 96], ON_CPU),
                references: &Tensor::rand([items, queries, 3, numbers], ON_CPU),
                padding: Some(&padding),
            };
            let found = kernel.forward(&input, &levels).unwrap();
            let (expected, second) = layer.reference(&input, &levels);
            let tolerance = if bf16 { 0.15 } else { 2e-5 };
            let difference = max_difference(&found.queries, &expected);
            assert!(difference < tolerance, "{queries} queries: {difference}");
            let difference = max_difference(&found.second.unwrap(), &second);
            assert!(difference < tolerance, "{queries} queries, second: {difference}");
        }
    }
}

#[test]
fn the_layer_is_what_its_operations_are_one_after_the_other() {
    tch::manual_seed(3);
    for (width, heads, points, hidden) in [
        (64, 8, 4, 128),
        (96, 3, 3, 70),
        (256, 8, 4, 1024),
        (128, 2, 1, 64),
        (48, 3, 2, 200),
        (64, 2, 16, 128),
    ] {
        let layer = Layer::new(width, heads, points, hidden, 3);
        for (batch, padded) in [(1, false), (3, true)] {
            if let Some(difference) = difference(&layer, batch, padded, false) {
                assert!(difference < 2e-5, "{width} channels of {heads} heads: {difference}");
            }
        }
    }
}

#[test]
fn factors_of_bf16_cost_what_their_rounding_costs() {
    tch::manual_seed(4);
    // Points of whole groups of sixteen, and others.
    for points in [4, 16] {
        let layer = Layer::new(256, 8, points, 1024, 3);
        if let Some(difference) = difference(&layer, 2, true, true) {
            // Numbers near 3 with an error of 1/512 each in a few products one behind the other.
            assert!(difference > 1e-4 && difference < 0.15, "{points} points: {difference}");
        }
    }
}

#[test]
fn sizes_that_the_kernel_does_not_take_have_none() {
    let layer = Layer::new(36, 3, 4, 64, 3);
    assert!(DeformableLayer::new(&layer.parameters(false), false).is_none());
}

#[test]
fn wrong_shapes_are_refused() {
    let layer = Layer::new(64, 8, 4, 128, 3);
    let Some(kernel) = DeformableLayer::new(&layer.parameters(false), false) else { return };
    let levels = levels();
    let tokens = levels.num_tokens();
    let input = DeformableLayerInput {
        tokens: &Tensor::randn([2, tokens, 64], ON_CPU),
        queries: None,
        positions: &Tensor::randn([1, tokens, 32], ON_CPU),
        references: &Tensor::rand([1, tokens, 3, 2], ON_CPU),
        padding: None,
    };
    assert!(kernel.forward(&input, &levels).is_err());
}

#[test]
fn what_is_not_finite_stays_so_in_all_instruction_sets() {
    tch::manual_seed(6);
    let levels = levels();
    let tokens = levels.num_tokens();
    // Points of whole groups of sixteen, and others; around points and boxes.
    for (points, numbers, bf16) in [(4, 2, false), (4, 4, true), (16, 2, true), (16, 4, false)] {
        let layer = Layer::new(64, 2, points, 70, 3);
        let given = [
            Tensor::randn([1, tokens, 64], ON_CPU),
            Tensor::randn([1, 9, 64], ON_CPU),
            Tensor::randn([1, 9, 64], ON_CPU),
            Tensor::rand([1, 9, 3, numbers], ON_CPU),
        ];
        // The first affine maps: values, offsets and logits, and what was read.
        for parameter in 0..4_usize + 4 {
            for value in NOT_FINITE {
                let mut planted = given.each_ref().map(Tensor::copy);
                let mut layer = Layer { tensors: copies(&layer.tensors), ..layer };
                let to = match parameter.checked_sub(4) {
                    Some(affine) => &mut layer.tensors[affine].1,
                    None => &mut planted[parameter],
                };
                let last = to.numel() as i64 - 1;
                let _planted = to.view([-1]).narrow(0, last, 1).fill_(f64::from(value));
                let Some(kernel) = DeformableLayer::new(&layer.parameters(true), bf16) else {
                    return;
                };
                let [tokens, queries, positions, references] = &planted;
                let input = DeformableLayerInput {
                    tokens,
                    queries: Some(queries),
                    positions,
                    references,
                    padding: None,
                };
                let (expected, second) = layer.reference(&input, &levels);
                for set in InstructionSet::available() {
                    let what = format!("{value} in {parameter}, {points} points, {set:?}");
                    let found = kernel.forward_by(&input, &levels, &machine().by(set)).unwrap();
                    let queries = (elements(&found.queries), elements(&expected));
                    assert_same_classes(&queries.0, &queries.1, &what);
                    let read = (elements(&found.second.unwrap()), elements(&second));
                    assert_same_classes(&read.0, &read.1, &format!("{what}, second"));
                }
            }
        }
    }
}

fn copies(tensors: &[(Tensor, Tensor)]) -> Vec<(Tensor, Tensor)> {
    tensors.iter().map(|(weight, bias)| (weight.copy(), bias.copy())).collect()
}
