//! Through both kinds of file, and after a change.

use super::*;
use crate::{Array, read, write_pth, write_safetensors};

fn state() -> StateDict {
    let mut state = StateDict::new();
    state.insert("a.weight", Array::from_f32(&[2, 2], &[1.0, 2.0, 3.0, 4.0]).unwrap());
    state.insert("b.bias", Array::from_f32(&[1], &[0.5]).unwrap());
    state
}

fn provenance() -> Provenance {
    let classes = vec!["cat".to_owned(), "tennis \"racket\"".to_owned()];
    // As long as real ones, which are not read with the pickle.
    let config = "SEED: 3\n".repeat(2000);
    Provenance { config: Some(config), classes, hash: Some(hash(&state())) }
}

#[test]
fn both_kinds_of_file_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut tagged = state();
    provenance().write_to(&mut tagged);
    let path = folder.path().join("model.safetensors");
    write_safetensors(&path, &tagged).unwrap();
    let found = read(&path).unwrap();
    assert_eq!(Provenance::of(&found), provenance());
    assert!(provenance().matches(&found));

    let path = folder.path().join("model.pth");
    let own = Value::dict(provenance().to_entries());
    let tree = Value::dict([("model", Value::from(&state())), (OWN_ENTRY, own)]);
    write_pth(&path, &tree).unwrap();
    let found = read(&path).unwrap();
    assert_eq!(Provenance::of(&found), provenance());
    assert!(provenance().matches(&found));
}

#[test]
fn any_change_of_a_tensor_changes_the_hash() {
    let mut names = state();
    let array = names.remove("b.bias").unwrap();
    names.insert("b.bias2", array);
    let mut shape = state();
    shape.insert("a.weight", Array::from_f32(&[4], &[1.0, 2.0, 3.0, 4.0]).unwrap());
    let mut value = state();
    value.insert("b.bias", Array::from_f32(&[1], &[0.25]).unwrap());
    for changed in [names, shape, value] {
        assert!(!provenance().matches(&changed));
        assert!(Provenance::default().matches(&changed), "without a hash anything goes");
    }
}
