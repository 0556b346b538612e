use std::cell::Cell;
use std::rc::Rc;

use tch::{Device, Kind};

use super::*;
use crate::precision::autocast;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

/// Two parts after each other with a shared weight: the output, and the gradients of input, weight and scale.
fn two_parts(tensors: &[Tensor; 3], again: bool) -> (Vec<Tensor>, usize) {
    let runs = Rc::new(Cell::new(0));
    let [input, weight, scale] =
        tensors.each_ref().map(|tensor| tensor.detach().copy().set_requires_grad(true));
    // The scale has a history, as the sum of positions and a level's embedding has.
    let history = &scale * 2.0;
    let mut map = input.shallow_clone();
    for _ in 0..2 {
        let (weight, counter) = (weight.shallow_clone(), Rc::clone(&runs));
        let work = move |inputs: &[Tensor]| {
            counter.set(counter.get() + 1);
            let product = inputs[0].linear(&weight, None::<&Tensor>).to_kind(Kind::Float);
            vec![(product * &inputs[1]).tanh(), inputs[0].detach()]
        };
        let inputs = [&map, &history];
        let mut outputs = if again {
            recomputed(&inputs, 2, work).unwrap()
        } else {
            work(&inputs.map(Tensor::shallow_clone))
        };
        assert!(!outputs[1].requires_grad());
        map = outputs.swap_remove(0);
    }
    let leaves = [&input, &weight, &scale];
    let mut results = Tensor::run_backward(&[map.square().sum(Kind::Float)], &leaves, false, false);
    results.push(map);
    (results, runs.get())
}

fn tensors() -> [Tensor; 3] {
    [Tensor::randn([3, 8], ON_CPU), Tensor::randn([8, 8], ON_CPU), Tensor::randn([8], ON_CPU)]
}

#[test]
fn outputs_and_gradients_are_those_of_the_part_itself() {
    let tensors = tensors();
    let (plain, plain_runs) = two_parts(&tensors, false);
    let (again, again_runs) = two_parts(&tensors, true);
    assert_eq!((plain_runs, again_runs), (2, 4));
    for (plain, again) in plain.iter().zip(&again) {
        assert!(plain.equal(again), "{plain} and {again}");
    }
}

#[test]
fn the_second_run_has_the_precision_of_the_first() {
    let tensors = tensors();
    let (input, weight) = (&tensors[0], tensors[1].copy().set_requires_grad(true));
    let kinds = Rc::new(std::cell::RefCell::new(Vec::new()));
    let (seen, held) = (Rc::clone(&kinds), weight.shallow_clone());
    let outputs = autocast(Device::Cpu, || {
        recomputed(&[input], 1, move |inputs| {
            let product = inputs[0].linear(&held, None::<&Tensor>);
            seen.borrow_mut().push(product.kind());
            vec![product]
        })
    })
    .unwrap();
    Tensor::run_backward(&[outputs[0].sum(Kind::Float)], &[&weight], false, false);
    assert_eq!(*kinds.borrow(), [Kind::BFloat16; 2]);
    assert_eq!(tensors[0].linear(&weight, None::<&Tensor>).kind(), Kind::Float);
}

#[test]
fn without_gradients_it_is_one_plain_run() {
    let weight = Tensor::randn([8, 8], ON_CPU).set_requires_grad(true);
    let input = Tensor::randn([3, 8], ON_CPU);
    let out = tch::no_grad(|| {
        let weight = weight.shallow_clone();
        recomputed(&[&input], 1, move |inputs| vec![inputs[0].matmul(&weight)]).unwrap()
    });
    assert!(!out[0].requires_grad() && out[0].equal(&input.matmul(&weight)));
}

#[test]
fn what_goes_wrong_inside_is_an_error() {
    let input = Tensor::randn([3, 8], ON_CPU).set_requires_grad(true);
    let history = &input * 2.0;
    let message = |result: Result<Vec<Tensor>, OpsError>| result.unwrap_err().to_string();
    let stranger = recomputed(&[&input], 1, move |inputs| vec![&inputs[0] + &history]);
    assert!(message(stranger).contains("not among its inputs"));
    let panics = recomputed(&[&input], 1, |inputs| vec![inputs[0].view([7])]);
    assert!(message(panics).contains("invalid for input of size"));
    let count = recomputed(&[&input], 2, |inputs| vec![inputs[0].shallow_clone()]);
    assert!(message(count).contains("2 outputs were announced, and 1 found"));
}
