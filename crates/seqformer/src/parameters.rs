//! The parameters by name, in the order in which the reference registers them.
//!
//! The optimizer of a checkpoint numbers its tensors in that order, and random weights are drawn in it.

use std::cmp::Ordering;

use tch::{Tensor, nn};

/// A parameter or buffer, which shares its memory with the network's.
#[derive(Debug)]
pub struct NamedTensor {
    /// Its name in VNext's checkpoints; box heads have their name in the decoder.
    pub name: String,
    /// Its values.
    pub tensor: Tensor,
}

/// All parameters and buffers of `vs`.
pub fn named_tensors(vs: &nn::VarStore) -> Vec<NamedTensor> {
    let variables = vs.variables();
    let mut tensors: Vec<NamedTensor> =
        variables.into_iter().map(|(name, tensor)| NamedTensor { name, tensor }).collect();
    tensors.sort_by(|a, b| by_registration(&a.name, &b.name));
    tensors
}

/// The parameters of `vs` that are trained: neither buffers nor frozen.
pub fn trained_parameters(vs: &nn::VarStore) -> Vec<NamedTensor> {
    let mut tensors = named_tensors(vs);
    tensors.retain(|parameter| parameter.tensor.requires_grad());
    tensors
}

/// Orders two names of one network as its checkpoints do.
pub fn by_registration(a: &str, b: &str) -> Ordering {
    let mut common: Vec<&str> = Vec::new();
    let (mut a_parts, mut b_parts) = (a.split('.'), b.split('.'));
    loop {
        match (a_parts.next(), b_parts.next()) {
            (Some(a), Some(b)) if a == b => common.push(a),
            (Some(a), Some(b)) => {
                let in_encoder_layer = matches!(common[..], [.., "encoder", "layers", _]);
                let words = if in_encoder_layer { ENCODER_LAYER } else { WORDS };
                return place(words, a).cmp(&place(words, b));
            }
            (a, b) => return a.is_some().cmp(&b.is_some()),
        }
    }
}

/// The sort key of one component of a name: numbers, then known words in order, then all others.
fn place<'a>(words: &[&str], part: &'a str) -> (usize, u64, &'a str) {
    if let Ok(number) = part.parse() {
        return (0, number, "");
    }
    match words.iter().position(|word| *word == part) {
        Some(index) => (1 + index, 0, ""),
        None => (1 + words.len(), 0, part),
    }
}

/// The components of an encoder layer, whose order differs from those of a decoder layer.
const ENCODER_LAYER: &[&str] = &["self_attn", "norm1", "linear1", "linear2", "norm2"];

/// The components of names; only the order among components with the same parent matters.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    // The tensors of a module come before its children.
    "weight", "bias", "further_groups", "running_mean", "running_var", "level_embed", "in_proj_weight", "in_proj_bias",
    "absolute_pos_embed", "relative_position_bias_table", "relative_position_index",
    // The network.
    "detr", "controller", "mask_head",
    "transformer", "class_embed", "query_embed", "input_proj", "backbone",
    "encoder", "decoder", "reference_points",
    // Swin, and what it shares with the decoder.
    "patch_embed", "layers", "bbox_embed", "norm0", "blocks", "downsample", "qkv", "proj", "reduction",
    // Layers of the decoder, blocks of Swin.
    "cross_attn", "norm1", "norm1_box", "attn", "self_attn", "norm2", "self_attn_box", "norm2_box",
    "mlp", "fc1", "fc2", "linear1", "linear2", "norm3", "linear1_box", "linear2_box", "norm3_box",
    "time_attention_weights",
    // Attention.
    "sampling_offsets", "attention_weights", "value_proj", "output_proj", "output_proj_box", "out_proj",
    // Mask head.
    "lay1", "lay2", "lay3", "lay4", "dcn",
    // ResNet.
    "stem", "res2", "res3", "res4", "res5", "shortcut", "conv1", "conv2", "conv3", "norm",
];

#[cfg(test)]
mod tests {
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
}
