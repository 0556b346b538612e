use tch::Device;

use super::*;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

#[test]
fn prepared_kernels_give_the_maps_of_the_plain_convolution() {
    tch::manual_seed(1);
    let three = ConvShape::three(64, 64);
    let shapes = [
        three,
        three.stride(2),
        ConvShape { dilation: 2, padding: 2, ..three },
        ConvShape { groups: 2, ..three },
        ConvShape::three(64, 8),
        ConvShape::pointwise(64, 64),
    ];
    for shape in shapes {
        let fan_in = (shape.weight_size()[1..].iter().product::<i64>() as f64).sqrt();
        let weight = Tensor::randn(shape.weight_size(), ON_CPU) / fan_in;
        let bias = Tensor::randn([shape.outputs], ON_CPU);
        let kernel = Kernel { weight: &weight, bias: &bias };
        let input = Tensor::randn([2, 64, 9, 14], ON_CPU);
        let plain = shape.apply(&input, kernel, None, Activation::None);
        let residual = plain.randn_like();
        for (precision, tolerance) in [(Precision::F32, 1e-5), (Precision::Bf16, 0.05)] {
            let prepared = PreparedConv::of_kernel(shape, kernel, precision);
            let is_plain_three = shape.is_plain_three() && shape.outputs == 64;
            let by_winograd = precision == Precision::Bf16
                && is_plain_three
                && WinogradConv::is_faster_in_bf16(64, 64);
            let has_winograd =
                matches!(&prepared.kernel, PreparedKernel::Taps(taps) if taps.winograd.is_some());
            assert_eq!(has_winograd, by_winograd, "{shape:?}");
            let near = |found: &Tensor, expected: &Tensor| {
                let error = (found.to_kind(Kind::Float) - expected).abs().max().double_value(&[]);
                assert!(error < tolerance, "{shape:?} in {precision:?}: {error}");
            };
            let _guard = tch::no_grad_guard();
            for input in [input.shallow_clone(), to_channels_last(&input)] {
                let found = prepared.forward(&input);
                near(&found, &plain);
                near(&prepared.forward_relu(&input), &plain.relu());
            }
            let input = to_channels_last(&input);
            let added = to_channels_last(&residual).to_kind(precision.kind());
            let found = prepared.forward_then(&input, Some(added), Activation::Relu);
            near(&found, &(&plain + &residual).relu());
        }
    }
}
