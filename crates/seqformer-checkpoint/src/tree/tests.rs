use std::path::PathBuf;

use super::*;
use crate::StateDict;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The tree of a stream with this pickle, which holds no tensors.
fn tree(pickle: &[u8]) -> Result<Value, Reason> {
    let stream = [
        // The magic number, the protocol, the system; then no storage.
        &b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."[..],
        pickle,
        b"\x80\x02].",
    ];
    read(&mut Source::from_bytes(stream.concat()))
}

#[test]
fn the_state_of_an_optimizer_is_read() {
    for file in ["training_zip.pth", "training_legacy.pth"] {
        let tree = read_tree(&fixture(file)).unwrap();
        assert_eq!(tree.get("epoch").and_then(Value::as_i64), Some(11), "{file}");
        let optimizer = tree.get("optimizer").unwrap();
        let state = optimizer.get("state").and_then(Value::as_dict).unwrap();
        assert_eq!(
            state.iter().map(|(key, _)| key.as_i64()).collect::<Vec<_>>(),
            [Some(0), Some(1)]
        );
        // After one step of Adam from zero with a gradient of one, the mean is 1 - 0.9.
        let mean = state[0].1.get("exp_avg").and_then(Value::as_tensor).unwrap();
        assert_eq!(mean.shape(), [1, 2]);
        assert!(mean.to_f32_vec().iter().all(|value| (value - 0.1).abs() < 1e-7));
        assert_eq!(state[0].1.get("step").and_then(Value::as_tensor).unwrap().to_f32_vec(), [1.0]);
        let group = &optimizer.get("param_groups").and_then(Value::as_list).unwrap()[0];
        assert_eq!(group.get("lr").and_then(Value::as_f64), Some(1e-3));
        assert_eq!(
            group.get("betas").unwrap(),
            &Value::Tuple(vec![Value::Float(0.9), Value::Float(0.999)])
        );
        assert_eq!(group.get("amsgrad").and_then(Value::as_bool), Some(false));
        assert_eq!(
            tree.get("args").unwrap(),
            &Value::Other("an object of argparse.Namespace".to_owned())
        );
        assert_eq!(
            tree.get("model")
                .unwrap()
                .get("a.bias")
                .and_then(Value::as_tensor)
                .unwrap()
                .to_f32_vec(),
            [3.0]
        );
    }
}

#[test]
fn tied_tensors_stay_tied() {
    let tree = read_tree(&fixture("flat_zip.pth")).unwrap();
    let tensor = |name: &str| tree.get(name).and_then(Value::as_tensor).unwrap();
    assert!(tensor("tied_a").shares_bytes_with(tensor("tied_b")));
}

#[test]
fn values_keep_their_kind() {
    // {"a": [1, (2.5, None)], 7: True}
    let pickle = b"\x80\x02}(U\x01a](K\x01(G\x40\x04\0\0\0\0\0\0NteK\x07\x88u.";
    let tuple = Value::Tuple(vec![Value::Float(2.5), Value::None]);
    let expected = Value::Dict(vec![
        (Value::Text("a".to_owned()), Value::List(vec![Value::Int(1), tuple])),
        (Value::Int(7), Value::Bool(true)),
    ]);
    assert_eq!(tree(pickle).unwrap(), expected);
}

#[test]
fn deep_cyclic_and_exploding_trees_are_refused() {
    let check = |pickle: &[u8], expected: &str| {
        let error = tree(pickle).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let deep = [&b"\x80\x02"[..], &b"]".repeat(5000), &b"a".repeat(4999), b"."].concat();
    check(&deep, "nested more than 64 deep");
    // A list that holds itself.
    check(b"\x80\x02]q\0h\0a.", "nested more than 64 deep");
    // Each list holds the one before ten times: ten to the eighth values.
    let mut bomb = b"\x80\x02N".to_vec();
    for level in 0..8u8 {
        bomb.extend([b'q', level, b'0', b']', b'(']);
        bomb.extend([b'h', level].repeat(10));
        bomb.push(b'e');
    }
    bomb.push(b'.');
    check(&bomb, "more than 4000000 values");
}

#[test]
fn code_is_refused_as_everywhere() {
    let error = read_tree(&fixture("evil_system_zip.pth")).unwrap_err();
    assert!(matches!(error.reason, Reason::Refused { .. }), "{error}");
}

#[test]
fn safetensors_give_a_dict_of_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let state: StateDict =
        [("w".to_owned(), Array::from_f32(&[2], &[1.0, 2.0]).unwrap())].into_iter().collect();
    crate::write_safetensors(&path, &state).unwrap();
    assert_eq!(read_tree(&path).unwrap(), Value::from(&state));
}
