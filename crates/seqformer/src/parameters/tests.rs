use tch::Device;

use super::*;
use crate::SeqFormer;
use crate::config::tests::tiny;

/// The names of a full-size network in the order of its checkpoint.
fn checkpoint_names(file: &str) -> Vec<String> {
    let path = seqformer_testing::golden_path(&format!("common/{file}"));
    let text = String::from_utf8(seqformer_testing::read_bytes(&path).unwrap()).unwrap();
    let json = seqformer_testing::read_json(&path).unwrap();
    // JSON objects have no order, but the text has.
    let begin = text.find("\"keys\"").unwrap();
    let mut names: Vec<(usize, String)> = json["keys"]
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (text[begin..].find(&format!("\"{name}\"")).unwrap(), name.clone()))
        .collect();
    names.sort_unstable();
    // The second name of the box heads.
    names.retain(|(_, name)| !name.starts_with("detr.detr.bbox_embed."));
    names.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn names_stand_in_the_order_of_full_size_checkpoints() {
    for file in ["full_keys_vnext_r50_ytvis19.json", "full_keys_vnext_swinl_ytvis19.json"] {
        let expected = checkpoint_names(file);
        let mut names = expected.clone();
        names.reverse();
        names.sort_by(|a, b| by_registration(a, b));
        assert_eq!(names, expected, "{file}");
    }
}

#[test]
fn buffers_and_frozen_parameters_are_not_trained() {
    let vs = nn::VarStore::new(Device::Cpu);
    SeqFormer::new(&vs.root(), &tiny()).unwrap();
    let trained = trained_parameters(&vs);
    let names: Vec<&str> = trained.iter().map(|parameter| parameter.name.as_str()).collect();
    assert_eq!(names[0], "detr.detr.transformer.level_embed");
    for name in names {
        assert!(
            !name.contains(".norm.") && !name.contains(".stem.") && !name.contains(".res2."),
            "{name}"
        );
    }
    // Frozen: the stem, and in res2 a shortcut and three blocks of three.
    let convolutions = |tensors: &[NamedTensor]| {
        tensors
            .iter()
            .filter(|tensor| {
                tensor.name.contains(".backbone.")
                    && tensor.name.ends_with("weight")
                    && !tensor.name.contains("norm")
            })
            .count()
    };
    assert_eq!(convolutions(&named_tensors(&vs)) - convolutions(&trained), 11);
}
