use tch::Device;

use super::*;
use crate::SeqFormer;
use crate::config::tests::tiny;

fn network() -> nn::VarStore {
    let vs = nn::VarStore::new(Device::Cpu);
    SeqFormer::new(&vs.root(), &tiny()).unwrap();
    vs
}

/// A checkpoint with every parameter at one value, and the box heads under both names.
fn checkpoint(vs: &nn::VarStore, value: f32) -> StateDict {
    let mut state = StateDict::default();
    for (name, tensor) in BTreeMap::from_iter(vs.variables()) {
        let shape: Vec<usize> = tensor.size().iter().map(|&side| side as usize).collect();
        let array = Array::from_f32(&shape, &vec![value; tensor.numel()]).unwrap();
        if let Some(rest) = name.strip_prefix(ALIASED) {
            state.arrays.insert(format!("{ALIAS}{rest}"), array.clone());
        }
        state.arrays.insert(name, array);
    }
    state
}

fn message(vs: &nn::VarStore, state: &StateDict) -> String {
    load_state_dict(vs, state).unwrap_err().to_string()
}

#[test]
fn every_parameter_and_buffer_is_filled() {
    let vs = network();
    let report = load_state_dict(&vs, &checkpoint(&vs, 0.25)).unwrap();
    assert!(report.is_complete());
    assert_eq!(report.loaded, vs.variables().len());
    for (name, tensor) in BTreeMap::from_iter(vs.variables()) {
        assert_eq!(tensor.mean(Kind::Double).double_value(&[]), 0.25, "{name}");
    }
}

#[test]
fn box_heads_may_come_under_either_name() {
    let vs = network();
    for gone in [ALIAS, ALIASED] {
        let mut state = checkpoint(&vs, 0.5);
        state.arrays.retain(|name, _| !name.starts_with(gone));
        assert!(load_state_dict(&vs, &state).unwrap().is_complete(), "without {gone}");
    }
}

#[test]
fn a_mismatch_is_listed_and_nothing_is_loaded() {
    let vs = network();
    let mut state = checkpoint(&vs, 0.5);
    let gone = state.arrays.remove("detr.detr.query_embed.weight").unwrap();
    state.arrays.insert("something.else".to_owned(), gone);
    let text = message(&vs, &state);
    assert!(text.contains("missing (1): detr.detr.query_embed.weight"), "{text}");
    assert!(text.contains("unexpected (1): something.else"), "{text}");
    let untouched = &vs.variables()["detr.mask_head.lay1.weight"];
    assert_eq!(untouched.abs().max().double_value(&[]), 0.0);
}

#[test]
fn another_number_of_classes_is_explained() {
    let vs = network();
    let mut state = checkpoint(&vs, 0.5);
    for layer in 0..2 {
        let weight = Array::from_f32(&[42, 64], &[0.0; 42 * 64]).unwrap();
        state.arrays.insert(format!("detr.detr.class_embed.{layer}.weight"), weight);
    }
    let text = message(&vs, &state);
    assert!(text.contains("they have 42 classes and the config 5"), "{text}");
}

#[test]
fn a_stranger_is_called_a_stranger() {
    let vs = network();
    let array = Array::from_f32(&[1], &[0.0]).unwrap();
    let state: StateDict =
        [("roi_heads.box_head.fc1.weight".to_owned(), array)].into_iter().collect();
    assert!(message(&vs, &state).contains("another kind of model"), "{}", message(&vs, &state));
}
