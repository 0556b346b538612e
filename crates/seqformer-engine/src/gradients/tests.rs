use tch::{Device, Kind};

use super::*;

fn parameter(value: f32) -> Tensor {
    Tensor::from_slice(&[value; 3]).set_requires_grad(true)
}

fn numbers(tensor: Option<&Tensor>) -> Option<Vec<f64>> {
    Some(Vec::try_from(tensor?.to_kind(Kind::Double)).unwrap())
}

#[test]
fn gradients_of_sums_are_added_though_they_share_memory() {
    let (a, b, unused) = (parameter(1.0), parameter(2.0), parameter(3.0));
    // The gradient of a sum is one number seen three times, and the same for both.
    let loss = || (&a + &b).sum(Kind::Float);
    let of = |loss: &Tensor| Gradients::of(loss, &[&a, &b, &unused]).unwrap();
    let sum = of(&loss()).plus(of(&(loss() * 2.0))).unwrap();
    assert_eq!(numbers(sum.tensors[0].as_ref()), Some(vec![3.0; 3]));
    assert_eq!(numbers(sum.tensors[1].as_ref()), Some(vec![3.0; 3]));
    assert!(sum.tensors[2].is_none());
    assert!((sum.norm().unwrap().double_value(&[]) - 54.0_f64.sqrt()).abs() < 1e-5);
}

#[test]
fn what_one_part_uses_alone_keeps_its_gradient() {
    let (a, b) = (parameter(1.0), parameter(2.0));
    let of = |tensor: &Tensor| Gradients::of(&tensor.sum(Kind::Float), &[&a, &b]).unwrap();
    let sum = of(&a).plus(of(&b)).unwrap();
    let factor = Tensor::full([], 0.5, (Kind::Float, Device::Cpu));
    let half = sum.scaled(&factor).unwrap();
    assert_eq!(numbers(half.tensors[0].as_ref()), Some(vec![0.5; 3]));
    assert_eq!(numbers(half.tensors[1].as_ref()), Some(vec![0.5; 3]));
}
