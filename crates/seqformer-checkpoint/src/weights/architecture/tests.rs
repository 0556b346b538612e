use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::Array;
use crate::key_map::{Dialect, vnext_name};

/// The names and shapes of a key list, as far as they are small or decide something.
fn state(list: &str) -> StateDict {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/common").join(list);
    let list: Value =
        serde_json::from_slice(&fs::read(path).expect("the golden data is there")).unwrap();
    let dialect = if list["keys"].get("detr.detr.query_embed.weight").is_some() {
        Dialect::VNext
    } else {
        Dialect::Original
    };
    let mut state = StateDict::new();
    for (name, entry) in list["keys"].as_object().unwrap() {
        let shape: Vec<usize> = entry[0]
            .as_array()
            .unwrap()
            .iter()
            .map(|side| side.as_u64().unwrap() as usize)
            .collect();
        let count: usize = shape.iter().product();
        let shape = if count > 200_000 { vec![0; shape.len()] } else { shape };
        let array = Array::from_f32(&shape, &vec![0.0; shape.iter().product()]).unwrap();
        state.insert(vnext_name(dialect, name).unwrap(), array);
    }
    state
}

#[test]
fn networks_are_known_by_their_shapes() {
    let check = |list: &str, expected: &str| {
        assert_eq!(Architecture::of(&state(list)).unwrap().to_string(), expected, "{list}");
    };
    check("full_keys_vnext_r50_ytvis19.json", "ResNet-50");
    check("full_keys_vnext_r101_ytvis19.json", "ResNet-101");
    check("full_keys_orig_x101_32x8d.json", "ResNeXt-101 32x8d");
    check("full_keys_orig_x101_64x4d.json", "ResNeXt-101 64x4d");
    check("full_keys_vnext_swinl_ytvis19.json", "Swin-L, windows of 12");
    assert_eq!(Architecture::of(&StateDict::new()), None);
}
