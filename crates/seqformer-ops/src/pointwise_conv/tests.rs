use tch::Kind;

use super::*;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

const POINT: Convolution = Convolution { stride: 1, padding: 0, dilation: 1, groups: 1 };

fn plain(input: &Tensor, weight: &Tensor, bias: &Tensor, shape: Convolution) -> Tensor {
    let Convolution { stride, padding, dilation, groups } = shape;
    input.conv2d(weight, Some(bias), [stride; 2], [padding; 2], [dilation; 2], groups)
}

/// A copy with channels innermost, no view of another tensor.
fn by_pixel(map: &Tensor) -> Tensor {
    let (_, channels, height, width) = map.size4().unwrap();
    let strides = [height * width * channels, 1, width * channels, channels];
    let mut copy = Tensor::empty_strided(map.size(), strides, (map.kind(), Device::Cpu));
    copy.copy_(map);
    copy
}

#[test]
fn maps_are_those_of_the_plain_convolution() {
    tch::manual_seed(1);
    let two = Convolution { stride: 2, ..POINT };
    for ([inputs, outputs, height, width], shape) in [
        ([64, 256, 9, 14], POINT),
        ([64, 70, 13, 11], two),
        ([256, 64, 8, 16], Convolution { stride: 3, dilation: 2, ..POINT }),
        ([8, 5, 3, 4], POINT),
        ([2048, 130, 5, 4], POINT),
        ([4, 3, 1, 1], two),
    ] {
        let weight = Tensor::randn([outputs, inputs, 1, 1], ON_CPU) / (inputs as f64).sqrt();
        let bias = Tensor::randn([outputs], ON_CPU);
        let input = Tensor::randn([2, inputs, height, width], ON_CPU);
        for (kind, tolerance) in [(Kind::Float, 2e-5), (Kind::BFloat16, 0.06)] {
            let bf16 = kind == Kind::BFloat16;
            let Some(conv) = PointwiseConv::new(&weight, &bias, shape, bf16) else { continue };
            let expected = plain(&input, &weight, &bias, shape);
            let residual = expected.randn_like();
            let near = |found: &Tensor, expected: &Tensor| {
                assert_eq!((found.size(), found.kind()), (expected.size(), kind));
                let error = (found.to_kind(Kind::Float) - expected).abs().max().double_value(&[]);
                assert!(error < tolerance, "{inputs} to {outputs}, {shape:?}, {kind:?}: {error}");
            };
            for input in [input.to_kind(kind), by_pixel(&input).to_kind(kind)] {
                near(&conv.forward(&input, Activation::None, None).unwrap(), &expected);
                near(&conv.forward(&input, Activation::Relu, None).unwrap(), &expected.relu());
                let sum = (&expected + &residual).relu();
                for residual in [residual.to_kind(kind).copy(), by_pixel(&residual.to_kind(kind))] {
                    near(&conv.forward(&input, Activation::Relu, Some(residual)).unwrap(), &sum);
                }
            }
        }
    }
}

#[test]
fn only_a_residual_that_nobody_else_sees_gives_its_memory() {
    tch::manual_seed(2);
    let (weight, bias) = (Tensor::randn([64, 8, 1, 1], ON_CPU), Tensor::zeros([64], ON_CPU));
    let Some(conv) = PointwiseConv::new(&weight, &bias, POINT, false) else { return };
    let input = Tensor::randn([1, 8, 3, 5], ON_CPU);
    let residual = by_pixel(&Tensor::randn([1, 64, 3, 5], ON_CPU));
    let (seen, before) = (residual.shallow_clone(), residual.copy());
    let shared = conv.forward(&input, Activation::None, Some(residual)).unwrap();
    assert_eq!(seen, before);
    let address = seen.data_ptr();
    let given = conv.forward(&input, Activation::None, Some(seen)).unwrap();
    assert_eq!(given.data_ptr(), address);
    assert_eq!(given, shared);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (weight, bias) = (Tensor::zeros([4, 8, 1, 1], ON_CPU), Tensor::zeros([4], ON_CPU));
    let make = |weight: &Tensor, shape| PointwiseConv::new(weight, &bias, shape, false);
    assert!(make(&weight, Convolution { groups: 2, ..POINT }).is_none());
    assert!(make(&weight, Convolution { padding: 1, ..POINT }).is_none());
    for size in [[4, 8, 3, 3], [5, 8, 1, 1], [4, 7, 1, 1]] {
        assert!(make(&Tensor::zeros(size, ON_CPU), POINT).is_none());
    }
    let Some(conv) = make(&weight, POINT) else { return };
    let zeros = |size: [i64; 4]| Tensor::zeros(size, ON_CPU);
    let apply = |input: &Tensor, residual| conv.forward(input, Activation::None, residual);
    assert!(apply(&zeros([1, 7, 5, 5]), None).is_err());
    assert!(apply(&zeros([1, 8, 5, 5]).to_kind(Kind::Double), None).is_err());
    assert!(apply(&zeros([1, 8, 5, 5]), Some(zeros([1, 4, 5, 4]))).is_err());
    assert_eq!(apply(&zeros([0, 8, 5, 5]), None).unwrap().size(), [0, 4, 5, 5]);
    assert!(apply(&zeros([1, 8, 5, 5]), Some(zeros([1, 4, 5, 5]))).is_ok());
}
