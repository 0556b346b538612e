use super::*;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Float) - b).abs().max().double_value(&[])
}

/// An affine map of `inputs` numbers whose results are about 1.
fn affine(outputs: i64, inputs: i64) -> (Tensor, Tensor) {
    let weight = Tensor::randn([outputs, inputs], ON_CPU) / (inputs as f64).sqrt();
    (weight, Tensor::randn([outputs], ON_CPU))
}

#[test]
fn rows_are_mapped_as_by_plain_operations() {
    tch::manual_seed(1);
    for (rows, inputs, outputs) in [(1, 2, 1), (63, 24, 40), (64, 256, 64), (150, 70, 129)] {
        let (weight, bias) = affine(outputs, inputs);
        let input = Tensor::randn([3, rows, inputs], ON_CPU);
        let residual = Tensor::randn([3, rows, outputs], ON_CPU);
        let plain = input.linear(&weight, Some(&bias));
        for (bf16, tolerance) in [(false, 1e-5), (true, 0.03)] {
            let layer = WeightBias { weight: &weight, bias: &bias };
            let Some(packed) = PackedLinear::new(layer, bf16) else { continue };
            let found = packed.forward(&input, Activation::None, None).unwrap();
            assert!(max_difference(&found, &plain) < tolerance);
            let found = packed.forward(&input, Activation::Relu, Some(&residual)).unwrap();
            assert!(max_difference(&found, &(plain.relu() + &residual)) < tolerance);
        }
    }
}

#[test]
fn values_lie_by_head_and_padded_ones_are_zero() {
    tch::manual_seed(2);
    for (heads, channels) in [(8, 8), (3, 32), (5, 16), (2, 64)] {
        let (inputs, outputs) = (48, heads * channels);
        let (weight, bias) = affine(outputs, inputs);
        let tokens = Tensor::randn([2, 77, inputs], ON_CPU);
        let padding = Tensor::rand([2, 77], ON_CPU).lt(0.3);
        // A whole block too.
        let _padded = padding.narrow(1, 0, 70).get(1).fill_(1);
        let plain = tokens.linear(&weight, Some(&bias)).masked_fill(&padding.unsqueeze(-1), 0.0);
        let plain = plain.view([2, 77, heads, channels]);
        for (bf16, tolerance) in [(false, 1e-5), (true, 0.04)] {
            let layer = WeightBias { weight: &weight, bias: &bias };
            let Some(packed) = PackedLinear::new(layer, bf16) else { continue };
            let found = packed.head_values(&tokens, heads as usize, Some(&padding)).unwrap();
            assert!(found.transpose(1, 2).is_contiguous());
            assert_eq!(found.kind(), if bf16 { Kind::BFloat16 } else { Kind::Float });
            assert!(max_difference(&found, &plain) < tolerance);
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_an_error() {
    let (weight, bias) = affine(6, 4);
    let Some(packed) = PackedLinear::new(WeightBias { weight: &weight, bias: &bias }, false) else {
        return;
    };
    let wrong = Tensor::randn([2, 5], ON_CPU);
    assert!(packed.forward(&wrong, Activation::None, None).is_err());
    let input = Tensor::randn([2, 4], ON_CPU);
    assert!(packed.forward(&input, Activation::None, Some(&input)).is_err());
    assert!(packed.head_values(&input.unsqueeze(0), 2, None).is_err());
    let odd = Tensor::randn([6, 3], ON_CPU);
    assert!(PackedLinear::new(WeightBias { weight: &odd, bias: &bias }, false).is_none());
}
