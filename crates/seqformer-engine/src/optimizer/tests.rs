use tch::{Device, Kind, Tensor, nn};

use super::*;

/// Three parameters: one of the image network, one of sampling offsets, and another.
fn variables() -> nn::VarStore {
    let vs = nn::VarStore::new(Device::Cpu);
    let root = vs.root() / "detr" / "detr";
    for path in [
        &root / "backbone" / 0,
        &root / "transformer" / "sampling_offsets",
        &root / "transformer" / "x",
    ] {
        let _parameter = path.var("weight", &[2], nn::Init::Const(1.0));
    }
    let _frozen = (&root / "frozen").zeros_no_train("weight", &[2]);
    vs
}

fn optimizer(vs: &nn::VarStore, config: OptimizerConfig) -> Optimizer {
    Optimizer::new(vs, &config)
}

fn values(optimizer: &Optimizer) -> Vec<f64> {
    optimizer.groups().iter().map(|group| group.parameter.double_value(&[0])).collect()
}

fn gradients(values: &[Option<f32>]) -> Gradients {
    Gradients {
        tensors: values
            .iter()
            .map(|value| value.map(|value| Tensor::from_slice(&[value; 2])))
            .collect(),
    }
}

#[test]
fn rates_go_by_the_name_of_the_parameter() {
    let vs = variables();
    let rates = |config: OptimizerConfig| -> Vec<(String, f64)> {
        let groups = optimizer(&vs, config).groups;
        groups.into_iter().map(|group| (group.name, group.lr)).collect()
    };
    let config = OptimizerConfig { base_lr: 1.0, ..OptimizerConfig::default() };
    let name = |part: &str| format!("detr.detr.{part}.weight");
    let expected = [
        (name("transformer.sampling_offsets"), 1.0),
        (name("transformer.x"), 1.0),
        (name("backbone.0"), 0.1),
    ];
    assert_eq!(rates(config), expected);
    let original = OptimizerConfig { sampling_multiplier: 0.1, ..config };
    assert_eq!(rates(original)[0].1, 0.1);
}

#[test]
fn a_parameter_without_gradient_stays_as_it_is() {
    let vs = variables();
    let config = OptimizerConfig { weight_decay: 0.5, base_lr: 0.1, ..OptimizerConfig::default() };
    let mut optimizer = optimizer(&vs, config);
    optimizer.step(&gradients(&[None, Some(0.0), None]), 1.0).unwrap();
    // A gradient of zero still decays.
    let found = values(&optimizer);
    assert_eq!((found[0], found[2]), (1.0, 1.0));
    assert!((found[1] - 0.95).abs() < 1e-6, "{found:?}");
    assert!(optimizer.state(0).is_none() && optimizer.state(1).is_some());
    assert!(optimizer.step(&gradients(&[None]), 1.0).is_err());
}

#[test]
fn sgd_follows_its_formula() {
    let vs = variables();
    let kind = OptimizerKind::Sgd { momentum: 0.9 };
    let config = OptimizerConfig {
        kind,
        weight_decay: 0.1,
        base_lr: 0.5,
        backbone_multiplier: 0.2,
        ..OptimizerConfig::default()
    };
    let mut optimizer = optimizer(&vs, config);
    let (mut p, mut buffer) = ([1.0_f64; 2], [0.0_f64; 2]);
    for step in 0..3_u8 {
        let gradient = 0.3 + f32::from(step);
        optimizer.step(&gradients(&[None, Some(gradient), Some(gradient)]), 0.5).unwrap();
        for (i, rate) in [0.25, 0.05].into_iter().enumerate() {
            let direction = f64::from(gradient) + 0.1 * p[i];
            buffer[i] = if step == 0 { direction } else { 0.9 * buffer[i] + direction };
            p[i] -= rate * buffer[i];
        }
    }
    let found = values(&optimizer);
    assert_eq!(found[0], 1.0);
    for (found, expected) in found[1..].iter().zip(p) {
        assert!((found - expected).abs() < 1e-6, "{found} and {expected}");
    }
}

#[test]
fn a_restored_state_continues_as_if_never_stopped() {
    for kind in [OptimizerKind::ADAMW, OptimizerKind::Sgd { momentum: 0.9 }] {
        let config = OptimizerConfig { kind, base_lr: 0.01, ..OptimizerConfig::default() };
        let (first, second) = (variables(), variables());
        let mut whole = optimizer(&first, config);
        let steps = [
            [Some(0.1), None, Some(0.2)],
            [Some(-0.4), Some(0.3), Some(0.1)],
            [Some(0.2), Some(0.5), None],
        ];
        whole.step(&gradients(&steps[0]), 1.0).unwrap();
        whole.step(&gradients(&steps[1]), 1.0).unwrap();
        let mut restored = optimizer(&second, config);
        for (index, (from, to)) in whole
            .groups()
            .iter()
            .zip(restored.groups())
            .map(|(a, b)| (a.parameter.shallow_clone(), b.parameter.shallow_clone()))
            .enumerate()
            .collect::<Vec<_>>()
        {
            tch::no_grad(|| to.shallow_clone().copy_(&from));
            let state = whole.state(index).map(|state| match state {
                TensorState::AdamW { step, exp_avg, exp_avg_sq } => TensorState::AdamW {
                    step: step.copy(),
                    exp_avg: exp_avg.copy(),
                    exp_avg_sq: exp_avg_sq.to_kind(Kind::Double),
                },
                TensorState::Sgd { momentum_buffer } => {
                    TensorState::Sgd { momentum_buffer: momentum_buffer.copy() }
                }
            });
            restored.set_state(index, state).unwrap();
        }
        whole.step(&gradients(&steps[2]), 1.0).unwrap();
        restored.step(&gradients(&steps[2]), 1.0).unwrap();
        assert_eq!(values(&whole), values(&restored), "{kind:?}");
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused() {
    let vs = variables();
    let mut optimizer = optimizer(&vs, OptimizerConfig::default());
    let zeros = |count: i64| Tensor::zeros([count], (Kind::Float, Device::Cpu));
    let mut check = |index: usize, state: TensorState, expected: &str| {
        let message = optimizer.set_state(index, Some(state)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    let adamw = |count: i64| TensorState::AdamW {
        step: Tensor::from(1.0_f32),
        exp_avg: zeros(2),
        exp_avg_sq: zeros(count),
    };
    check(1, adamw(3), "detr.detr.transformer.x.weight: exp_avg_sq: expected [2], found [3]");
    check(7, adamw(2), "parameter 7");
    check(0, TensorState::Sgd { momentum_buffer: zeros(2) }, "another rule");
}
