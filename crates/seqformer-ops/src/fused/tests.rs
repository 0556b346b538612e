use tch::{Device, Kind};

use super::*;
use crate::non_finite::{NOT_FINITE, assert_same_classes, elements};

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

#[test]
fn linear_layers_agree_with_the_plain_ones() {
    let (input, weight, bias) = (
        Tensor::randn([2, 7, 24], ON_CPU),
        Tensor::randn([40, 24], ON_CPU),
        Tensor::randn([40], ON_CPU),
    );
    let plain = input.linear(&weight, Some(&bias));
    let none = linear(&input, &weight, &bias, &After::NOTHING).unwrap();
    assert!(max_difference(&none, &plain) < 1e-4);
    let relu = linear(&input, &weight, &bias, &After::RELU).unwrap();
    assert!(max_difference(&relu, &plain.relu()) < 1e-4);
    let residual = Tensor::randn_like(&plain);
    let sum =
        linear(&input, &weight, &bias, &After { residual: Some(&residual), ..After::NOTHING })
            .unwrap();
    assert!(max_difference(&sum, &(&plain + residual)) < 1e-4);
    let strided = input.transpose(0, 1);
    let result = linear(&strided, &weight, &bias, &After::NOTHING).unwrap();
    assert!(max_difference(&result, &plain.transpose(0, 1)) < 1e-4);
}

#[test]
fn convolutions_agree_with_the_plain_ones() {
    for (stride, dilation, groups) in [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 4)] {
        let input = Tensor::randn([3, 16, 9, 7], ON_CPU);
        let (weight, bias) =
            (Tensor::randn([8, 16 / groups, 3, 3], ON_CPU), Tensor::randn([8], ON_CPU));
        let shape = Convolution { stride, padding: dilation, dilation, groups };
        let pair = |x: i64| [x, x];
        let plain = input.conv2d(
            &weight,
            Some(&bias),
            pair(stride),
            pair(dilation),
            pair(dilation),
            groups,
        );
        let residual = Tensor::randn_like(&plain);
        for activation in [Activation::None, Activation::Relu] {
            let act = |x: &Tensor| {
                if activation == Activation::Relu { x.relu() } else { x.shallow_clone() }
            };
            let layer = ConvLayer { weight: &weight, bias: &bias, shape, activation };
            assert!(max_difference(&conv2d(&input, &layer, None).unwrap(), &act(&plain)) < 1e-4);
            // A kernel that was laid out for some size does for others.
            for size in [[3, 16, 9, 7], [1, 16, 30, 20]] {
                let packed = pack_conv2d(&weight, shape, size).unwrap();
                let layer = ConvLayer { weight: &packed, ..layer };
                assert!(
                    max_difference(&conv2d(&input, &layer, None).unwrap(), &act(&plain)) < 1e-4
                );
            }
            let expected = act(&(&plain + &residual));
            let before = residual.copy();
            let sum = conv2d(&input, &layer, Some(residual.shallow_clone())).unwrap();
            assert!(max_difference(&sum, &expected) < 1e-4);
            assert!(max_difference(&residual, &before) == 0.0, "what others refer to stays");
            let channels_last = residual.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
            for given_away in [residual.copy(), channels_last.copy()] {
                let sum = conv2d(&input, &layer, Some(given_away)).unwrap();
                assert!(max_difference(&sum, &expected) < 1e-4);
            }
        }
    }
}

#[test]
fn gradients_flow_where_they_are_asked_for() {
    let weight = Tensor::randn([5, 6], ON_CPU).set_requires_grad(true);
    let (input, bias) = (Tensor::randn([4, 6], ON_CPU), Tensor::zeros([5], ON_CPU));
    linear(&input, &weight, &bias, &After::RELU).unwrap().sum(Kind::Float).backward();
    assert!(weight.grad().abs().sum(Kind::Float).double_value(&[]) > 0.0);
    let without = tch::no_grad(|| linear(&input, &weight, &bias, &After::RELU).unwrap());
    assert!(!without.requires_grad());
}

#[test]
fn shapes_that_do_not_fit_are_an_error() {
    let (input, weight) = (Tensor::zeros([2, 3], ON_CPU), Tensor::zeros([4, 5], ON_CPU));
    let error = linear(&input, &weight, &Tensor::zeros([4], ON_CPU), &After::NOTHING).unwrap_err();
    assert!(error.to_string().starts_with("linear: "), "{error}");
}

#[test]
fn trained_linear_layers_agree_with_the_plain_operations() {
    let leaf = |sizes: &[i64]| Tensor::randn(sizes, ON_CPU).set_requires_grad(true);
    let (input, weight, bias) = (leaf(&[2, 9, 24]), leaf(&[40, 24]), leaf(&[40]));
    let (residual, grad_out) =
        (Tensor::randn([2, 9, 40], ON_CPU), Tensor::randn([2, 9, 40], ON_CPU));
    let with_gradients = |out: Tensor| {
        let loss = (&out * &grad_out).sum(Kind::Float);
        let mut results = Tensor::run_backward(&[loss], &[&input, &weight, &bias], false, false);
        results.push(out);
        results
    };
    for activation in [Activation::None, Activation::Relu] {
        let after = After { activation, dropout: 0.0, residual: Some(&residual) };
        let ours = with_gradients(linear(&input, &weight, &bias, &after).unwrap());
        let sum = input.linear(&weight, Some(&bias));
        let sum = if activation == Activation::Relu { sum.relu() } else { sum };
        for (ours, plain) in ours.iter().zip(with_gradients(sum + &residual)) {
            assert!(max_difference(ours, &plain) < 1e-4, "{after:?}");
        }
    }
}

#[test]
fn trained_convolutions_agree_with_the_plain_operations() {
    let leaf = |sizes: &[i64]| Tensor::randn(sizes, ON_CPU).set_requires_grad(true);
    for (stride, groups) in [(1, 1), (2, 4)] {
        let (input, weight, bias) =
            (leaf(&[3, 16, 9, 7]), leaf(&[8, 16 / groups, 3, 3]), leaf(&[8]));
        let shape = Convolution { stride, padding: 1, dilation: 1, groups };
        let pair = |x: i64| [x, x];
        let plain = || input.conv2d(&weight, Some(&bias), pair(stride), [1, 1], [1, 1], groups);
        let sizes = tch::no_grad(|| plain().size());
        let (residual, grad_out) = (leaf(&sizes), Tensor::randn(&sizes, ON_CPU));
        let with_gradients = |out: Tensor, added: bool| {
            let loss = (&out * &grad_out).sum(Kind::Float);
            let mut leaves = vec![&input, &weight, &bias];
            leaves.extend(added.then_some(&residual));
            let mut results = Tensor::run_backward(&[loss], &leaves, false, false);
            results.push(out);
            results
        };
        for activation in [Activation::None, Activation::Relu] {
            for added in [false, true] {
                let layer = ConvLayer { weight: &weight, bias: &bias, shape, activation };
                let given = added.then(|| residual.shallow_clone());
                let ours = with_gradients(conv2d(&input, &layer, given).unwrap(), added);
                let sum = if added { plain() + &residual } else { plain() };
                let sum = if activation == Activation::Relu { sum.relu() } else { sum };
                for (ours, plain) in ours.iter().zip(with_gradients(sum, added)) {
                    assert!(max_difference(ours, &plain) < 1e-3, "{layer:?}");
                }
            }
        }
    }
}

#[test]
fn dropout_drops_the_same_in_both_directions() {
    let input = Tensor::ones([30, 70], ON_CPU).set_requires_grad(true);
    let out = dropout(&input.transpose(0, 1), 0.4).unwrap();
    let grad = Tensor::run_backward(&[out.sum(Kind::Float)], &[&input], false, false);
    assert_eq!(max_difference(&grad[0], &out.transpose(0, 1)), 0.0);
    let kept = out.ne(0.0).to_kind(Kind::Float).mean(Kind::Float).double_value(&[]);
    assert!((kept - 0.6).abs() < 0.05, "{kept} kept");
}

#[test]
fn what_is_not_finite_stays_so_through_relu() {
    tch::manual_seed(2);
    for kind in [Kind::Float, Kind::BFloat16] {
        for value in NOT_FINITE {
            let random = |size: &[i64]| Tensor::randn(size, ON_CPU).to_kind(kind);
            let plant = |tensor: Tensor, place: i64| {
                let _planted = tensor.view([-1]).narrow(0, place, 1).fill_(f64::from(value));
                tensor
            };
            for (in_input, trained) in [(true, false), (false, false), (true, true), (false, true)]
            {
                let what = format!("{value} of {kind:?}, in the input {in_input}, {trained}");
                let leaf = |tensor: Tensor| tensor.set_requires_grad(trained);
                let same = |found: &Tensor, plain: &Tensor| {
                    assert_same_classes(&elements(found), &elements(plain), &what);
                };
                let (input, weight, bias) = (random(&[5, 24]), random(&[40, 24]), random(&[40]));
                let (input, weight) = if in_input {
                    (plant(input, 119), weight)
                } else {
                    (input, plant(weight, 100))
                };
                let (weight, bias) = (leaf(weight), leaf(bias));
                let plain = input.linear(&weight, Some(&bias)).relu();
                same(&linear(&input, &weight, &bias, &After::RELU).unwrap(), &plain);
                let dropped = After { dropout: 0.4, ..After::RELU };
                let found = linear(&input, &weight, &bias, &dropped).unwrap().isnan();
                // An infinity that is dropped becomes NaN, as in libtorch's product with a mask.
                let agrees = found.eq_tensor(&plain.isnan()).logical_or(&plain.isinf());
                assert!(bool::try_from(agrees.all()).unwrap(), "{what}");

                let (input, weight, bias) =
                    (random(&[2, 16, 5, 6]), random(&[24, 16, 3, 3]), random(&[24]));
                // In a bias every cell of a map has it; a tap may lie over zeros outside of the map.
                let (input, bias) =
                    if in_input { (plant(input, 7), bias) } else { (input, plant(bias, 23)) };
                let (weight, bias) = (leaf(weight), leaf(bias));
                let shape = Convolution { stride: 2, padding: 1, dilation: 1, groups: 1 };
                let plain = input.conv2d(&weight, Some(&bias), [2, 2], [1, 1], [1, 1], 1);
                let activation = Activation::Relu;
                let layer = ConvLayer { weight: &weight, bias: &bias, shape, activation };
                same(&conv2d(&input, &layer, None).unwrap(), &plain.relu());
                let residual = plant(random(&plain.size()), 50);
                let sum = (&plain + &residual).relu();
                let channels_last =
                    residual.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
                same(&conv2d(&input, &layer, Some(channels_last.copy())).unwrap(), &sum);
                same(&conv2d(&input, &layer, Some(residual)).unwrap(), &sum);
            }
        }
    }
}

/// Every `stride`-th row and column of a map.
fn every(map: &Tensor, stride: i64) -> Tensor {
    map.slice(2, None, None, stride).slice(3, None, None, stride)
}

#[test]
fn gradients_of_strided_pointwise_convolutions_are_those_of_the_cells_they_read() {
    tch::manual_seed(4);
    let pair = |x: i64| [x, x];
    for channels in 1..=32 {
        for (groups, stride, padding, [height, width]) in [
            (1, 2, 0, [9, 12]),
            (channels, 2, 0, [7, 5]),
            (1, 3, 0, [10, 11]),
            (1, 2, 1, [8, 7]),
            (1, 2, 0, [2, 1]),
            // Large enough for oneDNN to write past its scratchpad, which an allocator with guard pages shows.
            (1, 2, 0, [64, 66]),
        ] {
            let leaf = |size: &[i64]| Tensor::randn(size, ON_CPU).set_requires_grad(true);
            let outputs = 2 * channels;
            let input = leaf(&[2, height, width, channels]);
            let (weight, bias) = (leaf(&[outputs, channels / groups, 1, 1]), leaf(&[outputs]));
            let shape = Convolution { stride, padding, dilation: 1, groups };
            let activation = Activation::Relu;
            let layer = ConvLayer { weight: &weight, bias: &bias, shape, activation };
            let found = conv2d(&input.permute([0, 3, 1, 2]), &layer, None).unwrap();
            let grad_out = Tensor::randn_like(&found);
            let leaves = [&input, &weight, &bias];
            let loss = (&found * &grad_out).sum(Kind::Float);
            let gradients = Tensor::run_backward(&[loss], &leaves, false, false);

            let exact = leaves.map(|leaf| leaf.detach().to_kind(Kind::Double));
            let exact = exact.map(|leaf| leaf.set_requires_grad(true));
            let [input, weight, bias] = &exact;
            let map = input.permute([0, 3, 1, 2]).constant_pad_nd([padding; 4]);
            let cells = every(&map, stride);
            let plain = cells.conv2d(weight, Some(bias), pair(1), pair(0), pair(1), groups).relu();
            let what = format!("{channels} channels of {height}x{width}, {shape:?}");
            let difference = max_difference(&found.to_kind(Kind::Double), &plain);
            assert!(difference < 1e-4, "{what}: {difference}");
            let loss = (&plain * grad_out.to_kind(Kind::Double)).sum(Kind::Double);
            let expected = Tensor::run_backward(&[loss], &exact, false, false);
            for (found, expected) in gradients.iter().zip(&expected) {
                let largest = expected.abs().max().double_value(&[]).max(1.0);
                let difference = max_difference(&found.to_kind(Kind::Double), expected);
                assert!(difference < 1e-5 * largest, "{what}: {difference} of {largest}");
            }
        }
    }
}
