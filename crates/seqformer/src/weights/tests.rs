use super::*;
use crate::SeqFormer;
use crate::config::tests::{swin, tiny};

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

#[test]
fn partial_weights_fill_what_fits_and_the_rest_is_listed() {
    let vs = network();
    let mut state = checkpoint(&vs, 0.5);
    state.remove("detr.detr.query_embed.weight");
    state.insert("extra", Array::from_f32(&[1], &[0.0]).unwrap());
    let head = "detr.detr.class_embed.0.weight";
    state.insert(head, Array::from_f32(&[42, 64], &vec![0.5; 42 * 64]).unwrap());
    let report = load_matching(&vs, &state).unwrap();
    assert_eq!(report.missing, ["detr.detr.query_embed.weight"]);
    assert_eq!(report.unexpected, ["extra"]);
    assert_eq!(report.wrong_shape.len(), 1);
    let variables = vs.variables();
    assert_eq!(report.loaded, variables.len() - 2);
    let mean = |name: &str| variables[name].mean(Kind::Double).double_value(&[]);
    assert_eq!([mean(head), mean("detr.detr.query_embed.weight")], [0.0, 0.0]);
    assert_eq!(mean("detr.mask_head.lay1.weight"), 0.5);
}

#[test]
fn weights_that_are_not_finite_are_refused_by_name() {
    for (planted, words) in
        [(f32::NAN, "1 NaN"), (f32::INFINITY, "1 infinite"), (f32::NEG_INFINITY, "1 inf")]
    {
        let vs = network();
        let mut state = checkpoint(&vs, 0.5);
        let name = "detr.detr.query_embed.weight";
        let mut values = state.get(name).unwrap().to_f32_vec();
        let count = values.len();
        values[7] = planted;
        let array = Array::from_f32(state.get(name).unwrap().shape(), &values).unwrap();
        state.insert(name, array.clone());
        for error in [
            load_state_dict(&vs, &state).unwrap_err().to_string(),
            load_matching(&vs, &state).unwrap_err().to_string(),
        ] {
            let expected = format!("{name:?}: 1 of {count} values ({words}");
            assert!(error.contains(&expected), "{error}, not {expected}");
        }
        let untouched = &vs.variables()["detr.mask_head.lay1.weight"];
        assert_eq!(untouched.abs().max().double_value(&[]), 0.0, "nothing is loaded");
        // What the network has no place for does not matter.
        state.insert(name, Array::from_f32(array.shape(), &vec![0.5; count]).unwrap());
        state.insert("fc.bias", Array::from_f32(&[1], &[planted]).unwrap());
        assert_eq!(load_matching(&vs, &state).unwrap().unexpected, ["fc.bias"]);
    }
}

#[test]
fn convolutions_without_their_statistics_are_found() {
    let vs = network();
    let conv = |name: &str| format!("{BACKBONE}{name}");
    let mut state = checkpoint(&vs, 0.5);
    let found =
        |state: &StateDict| load_matching(&vs, state).unwrap().uncalibrated_convolutions(&vs);
    assert!(found(&state).is_empty(), "a whole file");
    // A random convolution, whatever its normalisation was; one without any normalisation.
    state.remove(&conv("res5.0.conv2.weight"));
    for part in ["weight", "bias", "running_mean", "running_var"] {
        state.remove(&conv(&format!("res3.0.shortcut.norm.{part}")));
    }
    // One of another shape.
    state.insert(conv("res4.0.conv1.weight"), Array::from_f32(&[1], &[0.5]).unwrap());
    let expected = ["res3.0.shortcut", "res4.0.conv1", "res5.0.conv2"].map(conv);
    assert_eq!(found(&state), BTreeSet::from(expected));
    // Scale and bias alone hold the statistics, as in Caffe2's files.
    let mut folded = checkpoint(&vs, 0.5);
    folded.arrays.retain(|name, _| !name.contains(".norm.running_"));
    assert!(found(&folded).is_empty());
    // Half of the statistics are none.
    let mut half = checkpoint(&vs, 0.5);
    half.remove(&conv("res2.0.conv1.norm.running_var"));
    assert_eq!(found(&half), BTreeSet::from([conv("res2.0.conv1")]));
}

#[test]
fn weights_without_this_backbone_are_not_taken_for_a_part() {
    let vs = network();
    let mut state = checkpoint(&vs, 0.5);
    state.arrays.retain(|name, _| !name.starts_with(BACKBONE) || name.contains(".res2."));
    assert!(matches!(load_matching(&vs, &state), Err(ModelError::Weights { .. })));
    let untouched = &vs.variables()["detr.mask_head.lay1.weight"];
    assert_eq!(untouched.abs().max().double_value(&[]), 0.0);
}

#[test]
fn a_saved_network_is_the_same_when_loaded() {
    tch::manual_seed(3);
    let (vs, other) = (network(), network());
    for variable in BTreeMap::from_iter(vs.variables()).values() {
        let _filled = tch::no_grad(|| variable.shallow_clone().uniform_(-1.0, 1.0));
    }
    let state = state_dict(&vs).unwrap();
    let (first, second) = ("0.layers.2.bias", "1.layers.0.weight");
    for name in [first, second] {
        let (long, short) = (format!("{ALIASED}{name}"), format!("{ALIAS}{name}"));
        assert!(state.get(&long).unwrap().shares_bytes_with(state.get(&short).unwrap()));
    }
    load_state_dict(&other, &state).unwrap();
    for (name, variable) in BTreeMap::from_iter(other.variables()) {
        assert!(variable.equal(&vs.variables()[&name]), "{name}");
    }
}

#[test]
fn indices_of_another_window_are_refused() {
    let vs = nn::VarStore::new(Device::Cpu);
    let config = crate::SeqFormerConfig { backbone: swin(|_| {}), ..tiny() };
    SeqFormer::new(&vs.root(), &config).unwrap();
    let mut state = state_dict(&vs).unwrap();
    let name = format!("{BACKBONE}layers.2.blocks.1.attn.relative_position_index");
    let index = state.get(&name).unwrap().to_i64_vec().unwrap();
    // They computed from the sizes, so that a file may leave them out.
    state.remove(&name);
    load_state_dict(&vs, &state).unwrap();
    let wrong: Vec<i64> = index.iter().map(|row| row + 1_000_000).collect();
    state.insert(&name, Array::from_i64(&[16, 16], &wrong).unwrap());
    let text = message(&vs, &state);
    assert!(text.contains(&name) && text.contains("computed from the sizes"), "{text}");
}
