use tch::{Device, Kind, Tensor};

use super::*;
use crate::{LevelSize, PredictedPoints, ms_deform_attn_at_offsets};

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
        ];
        Self { width, heads, points, tensors }
    }

    fn parameters(&self) -> EncoderLayerParameters<'_> {
        let affine = |index: usize| {
            let (weight, bias) = &self.tensors[index];
            Affine { weight, bias }
        };
        EncoderLayerParameters {
            value_proj: affine(0),
            sampling_offsets: affine(1),
            attention_weights: affine(2),
            output_proj: affine(3),
            norm1: affine(4),
            linear1: affine(5),
            linear2: affine(6),
            norm2: affine(7),
            eps: 1e-5,
            num_heads: self.heads as usize,
            num_points: self.points as usize,
        }
    }

    /// The layer in plain operations.
    fn reference(&self, input: &EncoderLayerInput<'_>, levels: &FeatureLevels) -> Tensor {
        let linear = |x: &Tensor, index: usize| {
            let (weight, bias) = &self.tensors[index];
            x.linear(weight, Some(bias))
        };
        let norm = |x: &Tensor, index: usize| {
            let (weight, bias) = &self.tensors[index];
            x.layer_norm([self.width], Some(weight), Some(bias), 1e-5, false)
        };
        let (batch, tokens, _) = input.tokens.size3().unwrap();
        let num_levels = levels.len() as i64;
        let queries = input.tokens + input.positions;
        let sizes = [batch, tokens, self.heads, num_levels, self.points, 2];
        let logits =
            linear(&queries, 2).view([batch, tokens, self.heads, num_levels * self.points]);
        let points = PredictedPoints {
            offsets: &linear(&queries, 1).view(sizes),
            logits: &logits,
            references: input.references,
        };
        let value = linear(input.tokens, 0);
        let value = value.view([batch, tokens, self.heads, self.width / self.heads]);
        let read = ms_deform_attn_at_offsets(&value, levels, &points, input.padding).unwrap();
        let stream = norm(&(input.tokens + linear(&read, 3)), 4);
        norm(&(&stream + linear(&linear(&stream, 5).relu(), 6)), 7)
    }
}

fn levels() -> FeatureLevels {
    let size = |height, width| LevelSize { height, width };
    FeatureLevels::new(&[size(9, 11), size(5, 3), size(1, 2)]).unwrap()
}

/// The greatest difference between a layer and its plain form; `None` where there is no kernel.
fn difference(layer: &Layer, batch: i64, padded: bool, bf16: bool) -> Option<f64> {
    let levels = levels();
    let tokens = levels.num_tokens();
    let kernel = EncoderLayer::new(&layer.parameters(), bf16)?;
    let padding = Tensor::rand([1, tokens], ON_CPU).lt(0.2);
    let input = EncoderLayerInput {
        tokens: &Tensor::randn([batch, tokens, layer.width], ON_CPU),
        positions: &Tensor::randn([1, tokens, layer.width], ON_CPU),
        references: &Tensor::rand([1, tokens, levels.len() as i64, 2], ON_CPU),
        padding: padded.then_some(&padding),
    };
    let found = kernel.forward(&input, &levels).unwrap();
    let expected = layer.reference(&input, &levels);
    Some((found - expected).abs().max().double_value(&[]))
}

#[test]
fn the_layer_is_what_its_operations_are_one_after_the_other() {
    tch::manual_seed(3);
    for (width, heads, points, hidden) in
        [(64, 8, 4, 128), (96, 3, 3, 70), (256, 8, 4, 1024), (128, 2, 1, 64), (48, 3, 2, 200)]
    {
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
    let layer = Layer::new(256, 8, 4, 1024, 3);
    if let Some(difference) = difference(&layer, 2, true, true) {
        // Numbers near 3 with an error of 1/512 each in a few products one behind the other.
        assert!(difference > 1e-4 && difference < 0.15, "{difference}");
    }
}

#[test]
fn sizes_that_the_kernel_does_not_take_have_none() {
    let layer = Layer::new(36, 3, 4, 64, 3);
    assert!(EncoderLayer::new(&layer.parameters(), false).is_none());
}

#[test]
fn wrong_shapes_are_refused() {
    let layer = Layer::new(64, 8, 4, 128, 3);
    let Some(kernel) = EncoderLayer::new(&layer.parameters(), false) else { return };
    let levels = levels();
    let tokens = levels.num_tokens();
    let input = EncoderLayerInput {
        tokens: &Tensor::randn([2, tokens, 64], ON_CPU),
        positions: &Tensor::randn([1, tokens, 32], ON_CPU),
        references: &Tensor::rand([1, tokens, 3, 2], ON_CPU),
        padding: None,
    };
    assert!(kernel.forward(&input, &levels).is_err());
}
