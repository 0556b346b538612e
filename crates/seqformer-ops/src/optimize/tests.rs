use tch::Device;

use super::*;

const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).contiguous().view([-1])).unwrap()
}

/// One number through some steps, in double precision.
fn by_hand(options: &AdamW, start: f64, gradients: &[f64]) -> f64 {
    let &AdamW { lr, beta1, beta2, eps, weight_decay } = options;
    let (mut p, mut m, mut v) = (start, 0.0, 0.0);
    for (step, g) in (1..).zip(gradients) {
        p *= 1.0 - lr * weight_decay;
        m = beta1 * m + (1.0 - beta1) * g;
        v = beta2 * v + (1.0 - beta2) * g * g;
        let denominator = f64::sqrt(v) / (1.0 - f64::powi(beta2, step)).sqrt() + eps;
        p -= lr / (1.0 - f64::powi(beta1, step)) * m / denominator;
    }
    p
}

fn all(list: &[Tensor]) -> Vec<&Tensor> {
    list.iter().collect()
}

#[test]
fn steps_follow_the_formula_for_every_shape_and_layout() {
    let options = AdamW { lr: 0.05, beta1: 0.8, beta2: 0.95, eps: 1e-3, weight_decay: 0.3 };
    let shapes: [&[i64]; 4] = [&[7], &[3, 5], &[4, 3, 2, 2], &[6, 5, 1, 1]];
    let value = |tensor: usize, step: usize, count: i64| -> Tensor {
        let values = (0..count)
            .map(|i| ((i as f32 + 1.0) * (tensor as f32 + 2.0) * (step as f32 + 0.7)).sin());
        Tensor::from_slice(&values.collect::<Vec<_>>())
    };
    let count = |shape: &[i64]| shape.iter().product::<i64>();
    let list = |make: &dyn Fn(usize, &[i64]) -> Tensor| -> Vec<Tensor> {
        shapes.iter().enumerate().map(|(i, shape)| make(i, shape)).collect()
    };
    let parameters = list(&|i, shape| value(i, 9, count(shape)).view(shape));
    let start: Vec<Vec<f64>> = parameters.iter().map(numbers).collect();
    let exp_avgs = list(&|_, shape| Tensor::zeros(shape, ON_CPU));
    let exp_avg_sqs = list(&|_, shape| Tensor::zeros(shape, ON_CPU));
    let steps = list(&|_, _| Tensor::from(0.0_f32));
    for step in 0..3 {
        let gradients = list(&|i, shape| {
            let gradient = value(i, step, count(shape)).view(shape);
            // Gradients of convolutions come with their channels innermost.
            if shape.len() == 4 {
                gradient.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
            } else {
                gradient
            }
        });
        let tensors = AdamWTensors {
            parameters: &all(&parameters),
            gradients: &all(&gradients),
            exp_avgs: &all(&exp_avgs),
            exp_avg_sqs: &all(&exp_avg_sqs),
            steps: &all(&steps),
        };
        adamw_step(&options, &tensors).unwrap();
    }
    for (i, parameter) in parameters.iter().enumerate() {
        assert_eq!(numbers(&steps[i]), [3.0]);
        let gradients: Vec<Vec<f64>> =
            (0..3).map(|step| numbers(&value(i, step, count(shapes[i])))).collect();
        for (at, found) in numbers(parameter).into_iter().enumerate() {
            let gradients: Vec<f64> = gradients.iter().map(|gradient| gradient[at]).collect();
            let expected = by_hand(&options, start[i][at], &gradients);
            assert!(
                (found - expected).abs() < 2e-6,
                "tensor {i}, element {at}: {found} and {expected}"
            );
        }
    }
}

#[test]
fn tensors_that_do_not_belong_together_are_refused() {
    let options = AdamW { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.0 };
    let (good, other, step) =
        (Tensor::zeros([2], ON_CPU), Tensor::zeros([3], ON_CPU), Tensor::from(0.0_f32));
    let whole = Tensor::zeros([2], (Kind::Int64, Device::Cpu));
    let check = |parameter: &Tensor, gradients: &[&Tensor], expected: &str| {
        let tensors = AdamWTensors {
            parameters: &[parameter],
            gradients,
            exp_avgs: &[&good],
            exp_avg_sqs: &[&good],
            steps: &[&step],
        };
        let message = adamw_step(&options, &tensors).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(&good, &[], "gradients: expected 1 tensors, found 0");
    check(&good, &[&other], "gradients: expected [2], found [3]");
    check(&whole, &[&good], "parameters: expected single precision");
    check(&Tensor::zeros([4], ON_CPU).slice(0, 0, 4, 2), &[&good], "contiguous");
}

#[test]
fn the_norm_is_that_of_all_tensors_in_one() {
    let (a, b) =
        (Tensor::from_slice(&[3.0_f32, 0.0]), Tensor::from_slice(&[4.0_f32, 12.0]).view([2, 1]));
    assert_eq!(global_norm(&[&a, &b]).unwrap().double_value(&[]), 13.0);
    assert_eq!(global_norm(&[]).unwrap().double_value(&[]), 0.0);
    // Also of a tensor whose elements share their memory.
    let expanded = Tensor::from_slice(&[2.0_f32]).expand([4], false);
    assert_eq!(global_norm(&[&expanded]).unwrap().double_value(&[]), 4.0);
    let scaled = scaled(&[&a, &expanded], &Tensor::from(0.5_f32)).unwrap();
    assert_eq!((numbers(&scaled[0]), numbers(&scaled[1])), (vec![1.5, 0.0], vec![1.0; 4]));
    assert_eq!(numbers(&a), [3.0, 0.0]);
}
