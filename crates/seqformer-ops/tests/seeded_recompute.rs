//! Random numbers of a layer that is run again.
//!
//! All threads share libtorch's generator, so the one test that counts on its state is a program of its own.

use seqformer_ops::fused::dropout;
use seqformer_ops::recompute::recomputed;
use tch::{Device, Kind, Tensor};

#[test]
fn the_second_run_draws_the_same_and_disturbs_nothing() {
    let input = Tensor::ones([40, 50], (Kind::Float, Device::Cpu)).set_requires_grad(true);
    let outputs =
        recomputed(&[&input], 1, |inputs| vec![dropout(&inputs[0], 0.4).unwrap()]).unwrap();
    let draw = || Tensor::rand([4], (Kind::Float, Device::Cpu));
    tch::manual_seed(5);
    let undisturbed = [draw(), draw()];
    tch::manual_seed(5);
    let first = draw();
    let grads = Tensor::run_backward(&[outputs[0].sum(Kind::Float)], &[&input], false, false);
    let second = draw();
    assert!(grads[0].equal(&outputs[0]), "of ones, the gradient is what the first run kept");
    assert!(first.equal(&undisturbed[0]) && second.equal(&undisturbed[1]));
}
