use std::collections::BTreeMap;

use seqformer_testing::{common_noise, golden_path, read_json};
use tch::{Device, Kind};

use super::*;
use crate::config::BackboneConfig;
use crate::config::tests::swin;
use crate::load_state_dict;

/// Suggested for `swin_tiny.safetensors`; the noise of the reference itself is 2.4e-6.
const TOLERANCE: f64 = 2e-5;

fn tiny(drop_path: f64) -> (nn::VarStore, Box<SwinTransformer>) {
    let BackboneConfig::Swin(config) = swin(|swin| swin.drop_path = drop_path) else {
        unreachable!("it is a Swin Transformer")
    };
    let vs = nn::VarStore::new(Device::Cpu);
    let network = Box::new(SwinTransformer::new(&vs.root(), &config));
    let weights =
        seqformer_checkpoint::read(&golden_path("common/swin_tiny_weights.safetensors")).unwrap();
    load_state_dict(&vs, &weights).unwrap();
    (vs, network)
}

fn tensors() -> BTreeMap<String, Tensor> {
    let state = seqformer_checkpoint::read(&golden_path("common/swin_tiny.safetensors")).unwrap();
    let tensor = |array: &seqformer_checkpoint::Array| {
        let shape: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
        Tensor::from_slice(&array.to_f32_vec()).view(shape.as_slice())
    };
    state.iter().map(|(name, array)| (name.clone(), tensor(array))).collect()
}

fn check_outputs(forward: &dyn Fn(&Tensor) -> Vec<Tensor>) {
    let golden = tensors();
    for input in ["a", "b", "c"] {
        let outputs = forward(&golden[&format!("{input}.input")]);
        assert_eq!(outputs.len(), 4);
        for (output, name) in outputs.iter().zip(["res2", "res3", "res4", "res5"]) {
            let expected = &golden[&format!("{input}.{name}")];
            assert_eq!(output.size(), expected.size(), "{input}.{name}");
            let difference = (output - expected).abs().max().double_value(&[]);
            assert!(difference <= TOLERANCE, "{input}.{name}: off by {difference:e}");
        }
    }
}

#[test]
fn outputs_agree_with_the_reference() {
    let (_variables, network) = tiny(0.0);
    tch::no_grad(|| check_outputs(&|images| network.forward(images)));
    check_outputs(&|images| network.forward(images));
    // Inference drops nothing, whatever the rate.
    let (_variables, network) = tiny(0.3);
    let network = network.prepare(Precision::F32);
    check_outputs(&|images| network.forward(images));
}

#[test]
fn gradients_agree_with_the_reference() {
    let (vs, network) = tiny(0.0);
    let golden = tensors();
    let outputs = network.forward(&golden["a.input"]);
    let mut loss = Tensor::zeros([1], (Kind::Float, Device::Cpu));
    for (output, name) in outputs.iter().zip(["res2", "res3", "res4", "res5"]) {
        let weights =
            Tensor::from_slice(&common_noise(&format!("swin_grad_{name}"), output.numel()));
        loss += (output * weights.view(output.size().as_slice())).sum(Kind::Float);
    }
    loss.sum(Kind::Float).backward();
    let expected = read_json(&golden_path("common/swin_tiny_grads.json")).unwrap();
    let expected = expected.as_object().unwrap();
    let variables = vs.variables();
    let trained = variables.values().filter(|variable| variable.requires_grad()).count();
    assert_eq!(trained, expected.len());
    for (name, numbers) in expected {
        let gradient = variables[name].grad();
        let norm = numbers[0].as_f64().unwrap();
        let found = gradient.norm().double_value(&[]);
        assert!(
            (found - norm).abs() <= 1e-5 * norm,
            "{name}: expected a norm of {norm}, found {found}"
        );
        let flat = gradient.view([-1]);
        for (index, number) in numbers[1].as_array().unwrap().iter().enumerate() {
            let (number, found) = (number.as_f64().unwrap(), flat.double_value(&[index as i64]));
            assert!(
                (found - number).abs() <= 1e-5 * norm,
                "{name}[{index}]: expected {number}, found {found}"
            );
        }
    }
}

#[test]
fn names_shapes_and_kinds_are_those_of_the_reference() {
    let (vs, _network) = tiny(0.0);
    let expected = read_json(&golden_path("common/swin_tiny_params.json")).unwrap();
    let expected = expected.as_object().unwrap();
    let variables = vs.variables();
    assert_eq!(variables.len(), expected.len());
    for (name, entry) in expected {
        let variable = variables.get(name).unwrap_or_else(|| panic!("{name} is missing"));
        let shape: Vec<i64> =
            entry[0].as_array().unwrap().iter().map(|side| side.as_i64().unwrap()).collect();
        assert_eq!(variable.size(), shape, "{name}");
        let kind = match entry[1].as_str().unwrap() {
            "torch.float32" => Kind::Float,
            "torch.int64" => Kind::Int64,
            other => panic!("{name} is of {other}"),
        };
        assert_eq!(variable.kind(), kind, "{name}");
        assert_eq!(variable.requires_grad(), kind == Kind::Float, "{name}");
    }
}

#[test]
fn buffers_hold_the_numbers_of_the_reference() {
    let (vs, _network) = tiny(0.0);
    let expected = read_json(&golden_path("common/swin_tiny_params.json")).unwrap();
    let buffers =
        vs.variables().into_iter().filter(|(name, _)| name.ends_with("relative_position_index"));
    for (name, buffer) in buffers {
        let sum = expected[&name][3].as_f64().unwrap();
        assert_eq!(buffer.sum(Kind::Int64).int64_value(&[]) as f64, sum, "{name}");
        for (index, first) in expected[&name][2].as_array().unwrap().iter().enumerate() {
            assert_eq!(
                buffer.view([-1]).double_value(&[index as i64]),
                first.as_f64().unwrap(),
                "{name}"
            );
        }
    }
}
