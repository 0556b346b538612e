use tch::Kind;

use super::*;
use crate::fused::{ConvLayer, Convolution, conv2d};

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// A convolution whose outputs are about 1.
struct Case {
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
}

impl Case {
    fn new([batch, inputs, height, width]: [i64; 4], outputs: i64) -> Self {
        let weight = Tensor::randn([outputs, inputs, 3, 3], ON_CPU) / (9.0 * inputs as f64).sqrt();
        Self {
            input: Tensor::randn([batch, inputs, height, width], ON_CPU),
            weight,
            bias: Tensor::randn([outputs], ON_CPU),
        }
    }

    /// The same with numbers that are exact in `kind`.
    fn rounded(&self, kind: Kind) -> Self {
        let round = |tensor: &Tensor| tensor.to_kind(kind).to_kind(Kind::Float);
        Self { input: round(&self.input), weight: round(&self.weight), bias: round(&self.bias) }
    }

    /// By definition, in `f64`.
    fn expected(&self, activation: Activation) -> Tensor {
        let [input, weight, bias] =
            [&self.input, &self.weight, &self.bias].map(|tensor| tensor.to_kind(Kind::Double));
        let sum = input.conv2d(&weight, Some(&bias), [1, 1], [1, 1], [1, 1], 1);
        if activation == Activation::Relu { sum.relu() } else { sum }
    }

    fn found(&self, kind: Kind, activation: Activation) -> Option<Tensor> {
        let conv = WinogradConv::new(&self.weight, &self.bias, kind == Kind::BFloat16)?;
        Some(conv.forward(&self.input.to_kind(kind), activation).unwrap())
    }
}

fn difference(found: &Tensor, expected: &Tensor) -> Tensor {
    assert_eq!(found.size(), expected.size());
    found.to_kind(Kind::Double) - expected
}

#[test]
fn outputs_are_those_of_the_definition() {
    tch::manual_seed(1);
    let cases = [
        ([1, 2, 1, 1], 5),
        ([3, 70, 1, 7], 5),
        ([2, 64, 5, 4], 64),
        ([1, 70, 6, 9], 130),
        ([3, 2, 8, 8], 64),
        ([2, 33, 13, 11], 65),
        ([1, 128, 16, 31], 130),
    ];
    for (size, outputs) in cases {
        let case = Case::new(size, outputs);
        for activation in [Activation::None, Activation::Relu] {
            let expected = case.expected(activation);
            let largest = expected.abs().max().double_value(&[]);
            for (kind, tolerance) in [(Kind::Float, 1e-5), (Kind::BFloat16, 0.02)] {
                let Some(found) = case.found(kind, activation) else { continue };
                assert_eq!(found.kind(), kind);
                assert!(found.permute([0, 2, 3, 1]).is_contiguous());
                let error = difference(&found, &expected).abs().max().double_value(&[]);
                assert!(error < tolerance * largest, "{size:?} to {outputs}: {error}");
            }
        }
    }
}

#[test]
fn the_border_is_zero_on_all_sides() {
    // With all ones an output counts the taps that lie on the map.
    let (weight, bias) = (Tensor::ones([64, 32, 3, 3], ON_CPU), Tensor::zeros([64], ON_CPU));
    for (height, width) in [(1, 1), (1, 5), (2, 2), (3, 4), (5, 3)] {
        for kind in [Kind::Float, Kind::BFloat16] {
            let conv = WinogradConv::new(&weight, &bias, kind == Kind::BFloat16);
            let Some(conv) = conv else { continue };
            let input = Tensor::ones([1, 32, height, width], (kind, Device::Cpu));
            let found = conv.forward(&input, Activation::None).unwrap();
            let taps = |size: i64| {
                let taps = (0..size).map(|i| (i + 2).min(size) - (i - 1).max(0));
                Tensor::from_slice(&taps.collect::<Vec<i64>>())
            };
            let expected = taps(height).unsqueeze(1) * taps(width).unsqueeze(0) * 32;
            let expected = expected.to_kind(kind).expand([1, 64, height, width], false);
            assert_eq!(found, expected);
        }
    }
}

fn root_mean_square(numbers: &Tensor) -> f64 {
    numbers.square().mean(Kind::Double).sqrt().double_value(&[])
}

#[test]
fn bf16_is_little_less_exact_than_directly() {
    tch::manual_seed(2);
    for (size, outputs) in [([2, 64, 20, 18], 64), ([1, 256, 12, 20], 256)] {
        let case = Case::new(size, outputs).rounded(Kind::BFloat16);
        let Some(found) = case.found(Kind::BFloat16, Activation::None) else { return };
        let expected = case.expected(Activation::None);
        let [input, weight, bias] =
            [&case.input, &case.weight, &case.bias].map(|tensor| tensor.to_kind(Kind::BFloat16));
        let shape = Convolution { stride: 1, padding: 1, dilation: 1, groups: 1 };
        let activation = Activation::None;
        let layer = ConvLayer { weight: &weight, bias: &bias, shape, activation };
        let direct = tch::no_grad(|| conv2d(&input, &layer, None)).unwrap();
        let error = root_mean_square(&difference(&found, &expected));
        let direct_error = root_mean_square(&difference(&direct, &expected));
        assert!(error < 2.5 * direct_error, "{error} and {direct_error}");
    }
}

#[test]
fn what_is_not_a_number_stays_one_where_it_is_read() {
    let (weight, bias) = (Tensor::ones([64, 64, 3, 3], ON_CPU), Tensor::zeros([64], ON_CPU));
    for kind in [Kind::Float, Kind::BFloat16] {
        let conv = WinogradConv::new(&weight, &bias, kind == Kind::BFloat16);
        let Some(conv) = conv else { continue };
        let input = Tensor::zeros([1, 64, 9, 9], (kind, Device::Cpu));
        let _filled = input.narrow(2, 4, 1).narrow(3, 4, 1).fill_(f64::NAN);
        for activation in [Activation::None, Activation::Relu] {
            let found = conv.forward(&input, activation).unwrap().isnan();
            let read = found.narrow(2, 3, 3).narrow(3, 3, 3);
            assert_eq!(read.all().int64_value(&[]), 1);
            // A tile reads at most two cells beyond its outputs.
            assert_eq!(found.narrow(2, 0, 2).any().int64_value(&[]), 0);
            assert_eq!(found.narrow(3, 0, 2).any().int64_value(&[]), 0);
        }
    }
}

#[test]
fn maps_without_cells_or_frames_have_no_outputs() {
    let Some(conv) =
        WinogradConv::new(&Tensor::ones([5, 4, 3, 3], ON_CPU), &Tensor::zeros([5], ON_CPU), false)
    else {
        return;
    };
    for size in [[0, 4, 3, 3], [2, 4, 0, 3], [2, 4, 3, 0]] {
        let found = conv.forward(&Tensor::zeros(size, ON_CPU), Activation::None).unwrap();
        assert_eq!(found.size(), [size[0], 5, size[2], size[3]]);
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (weight, bias) = (Tensor::ones([6, 4, 3, 3], ON_CPU), Tensor::zeros([6], ON_CPU));
    let Some(conv) = WinogradConv::new(&weight, &bias, false) else { return };
    let good = Tensor::zeros([1, 4, 5, 5], ON_CPU);
    assert!(conv.forward(&good, Activation::None).is_ok());
    for wrong in [
        Tensor::zeros([1, 5, 5, 5], ON_CPU),
        Tensor::zeros([4, 5, 5], ON_CPU),
        good.to_kind(Kind::BFloat16),
        good.to_kind(Kind::Double),
    ] {
        assert!(conv.forward(&wrong, Activation::None).is_err());
    }
    let of = |weight: &[i64], outputs: i64| {
        let (weight, bias) = (Tensor::ones(weight, ON_CPU), Tensor::zeros([outputs], ON_CPU));
        WinogradConv::new(&weight, &bias, false)
    };
    assert!(of(&[6, 4, 3, 3], 5).is_none());
    assert!(of(&[6, 4, 1, 1], 6).is_none());
    assert!(of(&[6, 4, 3], 6).is_none());
    assert!(of(&[0, 4, 3, 3], 0).is_none());
    assert!(WinogradConv::new(&weight.to_kind(Kind::Double), &bias, false).is_none());
}

#[test]
fn few_channels_are_left_to_direct_convolutions() {
    for (inputs, outputs, pays) in [
        (64, 64, true),
        (512, 512, true),
        (96, 96, true),
        (64, 8, false),
        (64, 72, false),
        (32, 64, false),
        (72, 64, false),
        (0, 0, false),
    ] {
        let can = has_bf16_products() && !has_amx_bf16();
        assert_eq!(WinogradConv::is_faster_in_bf16(inputs, outputs), pays && can);
    }
}
