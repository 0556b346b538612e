//! Dropout inside a layer, which is that of its own for the same seed.
//!
//! All threads share libtorch's generator, so the one test that counts on its state is a program of its own.

use seqformer_ops::fused::{Activation, After, dropout, linear};
use tch::{Device, Kind, Tensor};

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

#[test]
fn linear_layers_drop_what_dropout_drops() {
    let leaf = |sizes: &[i64]| Tensor::randn(sizes, ON_CPU).set_requires_grad(true);
    let (input, weight, bias) = (leaf(&[2, 9, 24]), leaf(&[40, 24]), leaf(&[40]));
    let (residual, grad_out) =
        (Tensor::randn([2, 9, 40], ON_CPU), Tensor::randn([2, 9, 40], ON_CPU));
    let seeded = |run: &dyn Fn() -> Tensor| {
        tch::manual_seed(3);
        let out = run();
        let loss = (&out * &grad_out).sum(Kind::Float);
        let mut results = Tensor::run_backward(&[loss], &[&input, &weight, &bias], false, false);
        results.push(out);
        results
    };
    for activation in [Activation::None, Activation::Relu] {
        let after = After { activation, dropout: 0.25, residual: Some(&residual) };
        let ours = seeded(&|| linear(&input, &weight, &bias, &after).unwrap());
        let plain = seeded(&|| {
            let sum = input.linear(&weight, Some(&bias));
            let sum = if activation == Activation::Relu { sum.relu() } else { sum };
            dropout(&sum, after.dropout).unwrap() + &residual
        });
        for (ours, plain) in ours.iter().zip(&plain) {
            let difference = (ours - plain).abs().max().double_value(&[]);
            assert!(difference < 1e-4, "{after:?}: {difference}");
        }
    }
}
