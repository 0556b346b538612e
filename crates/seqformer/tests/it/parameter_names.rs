//! The names, shapes and kinds of all tensors of the full-size networks.

use std::collections::BTreeMap;

use seqformer::config::{BackboneConfig, ResNetConfig, SwinConfig, TransformerConfig};
use seqformer::{SeqFormer, SeqFormerConfig};
use seqformer_checkpoint::key_map::{Dialect, Shapes, vnext_name};
use seqformer_testing::{golden_path, read_json};
use tch::{Device, Kind, Tensor, nn};

fn config(backbone: BackboneConfig) -> SeqFormerConfig {
    SeqFormerConfig {
        pixel_mean: [123.675, 116.28, 103.53],
        pixel_std: [58.395, 57.12, 57.375],
        backbone,
        transformer: TransformerConfig {
            hidden_dim: 256,
            num_heads: 8,
            num_encoder_layers: 6,
            num_decoder_layers: 6,
            feedforward_dim: 1024,
            dropout: 0.1,
            num_encoder_points: 4,
            num_decoder_points: 4,
        },
        num_classes: 40,
        num_queries: 300,
        query_groups: 1,
    }
}

fn resnet(depth: i64) -> BackboneConfig {
    BackboneConfig::ResNet(ResNetConfig {
        depth,
        stem_out_channels: 64,
        res2_out_channels: 256,
        num_groups: 1,
        width_per_group: 64,
        stride_in_1x1: false,
        res5_dilation: 1,
        freeze_at: 2,
    })
}

fn swin_large() -> BackboneConfig {
    BackboneConfig::Swin(SwinConfig {
        pretrain_image_size: 384,
        embed_dim: 192,
        depths: [2, 2, 18, 2],
        num_heads: [6, 12, 24, 48],
        window_size: 12,
        mlp_ratio: 4.0,
        qkv_bias: true,
        qk_scale: None,
        dropout: 0.0,
        attention_dropout: 0.0,
        drop_path: 0.3,
        absolute_position_embedding: false,
        patch_norm: true,
    })
}

/// Shape, element type, and `param`, `frozen_param` or `buffer`.
type Entry = (Vec<i64>, String, &'static str);

fn entry(name: &str, tensor: &Tensor) -> Entry {
    let dtype = match tensor.kind() {
        Kind::Float => "float32".to_owned(),
        Kind::Int64 => "int64".to_owned(),
        other => format!("{other:?}"),
    };
    let is_buffer = name.contains(".norm.") && name.contains(".backbone.res")
        || name.contains(".stem.conv1.norm.")
        || name.ends_with("relative_position_index");
    let kind = match (is_buffer, tensor.requires_grad()) {
        (true, false) => "buffer",
        (true, true) => "trained buffer",
        (false, true) => "param",
        (false, false) => "frozen_param",
    };
    (tensor.size(), dtype, kind)
}

fn check(golden: &str, backbone: BackboneConfig) {
    let vs = nn::VarStore::new(Device::Cpu);
    SeqFormer::new(&vs.root(), &config(backbone)).unwrap();
    let mut found: BTreeMap<String, Entry> = BTreeMap::new();
    for (name, tensor) in vs.variables() {
        let entry = entry(&name, &tensor);
        // The box heads have a second name in the files of the reference.
        if let Some(rest) = name.strip_prefix("detr.detr.transformer.decoder.bbox_embed.") {
            found.insert(format!("detr.detr.bbox_embed.{rest}"), entry.clone());
        }
        found.insert(name, entry);
    }
    let golden = read_json(&golden_path(golden)).unwrap();
    let expected = golden["keys"].as_object().unwrap();
    for (name, expected) in expected {
        let Some((shape, dtype, kind)) = found.remove(name) else { panic!("{name} is missing") };
        let sides: Vec<i64> =
            expected[0].as_array().unwrap().iter().map(|side| side.as_i64().unwrap()).collect();
        assert_eq!(
            (shape, dtype.as_str(), kind),
            (sides, expected[1].as_str().unwrap(), expected[2].as_str().unwrap()),
            "{name}"
        );
    }
    assert!(found.is_empty(), "not in the reference: {:?}", found.keys());
    let trained: usize = vs
        .trainable_variables()
        .iter()
        .filter(|tensor| tensor.requires_grad())
        .map(Tensor::numel)
        .sum();
    assert_eq!(trained as u64, golden["n_elements_trainable"].as_u64().unwrap());
}

#[test]
fn resnet_50_has_the_tensors_of_the_reference() {
    check("common/full_keys_vnext_r50_ytvis19.json", resnet(50));
}

#[test]
fn resnet_101_has_the_tensors_of_the_reference() {
    check("common/full_keys_vnext_r101_ytvis19.json", resnet(101));
}

/// The networks with ResNeXt backbones of the original repository, its names translated.
#[test]
fn resnext_101_has_the_tensors_of_the_original() {
    for (group, width) in [(32, 8), (64, 4)] {
        let BackboneConfig::ResNet(resnet) = resnet(101) else { unreachable!("it is a ResNet") };
        let backbone = ResNetConfig { num_groups: group, width_per_group: width, ..resnet };
        let vs = nn::VarStore::new(Device::Cpu);
        let config =
            SeqFormerConfig { num_classes: 42, ..config(BackboneConfig::ResNet(backbone)) };
        SeqFormer::new(&vs.root(), &config).unwrap();
        let golden = format!("common/full_keys_orig_x101_{group}x{width}d.json");
        let golden = read_json(&golden_path(&golden)).unwrap();
        let mut expected = Shapes::new();
        for (name, entry) in golden["keys"].as_object().unwrap() {
            let name = vnext_name(Dialect::Original, name).unwrap();
            let shape =
                entry[0].as_array().unwrap().iter().map(|side| side.as_u64().unwrap() as usize);
            // The second name of the box heads.
            if !name.starts_with("detr.detr.bbox_embed.") {
                expected.insert(name, shape.collect());
            }
        }
        assert_eq!(seqformer::network_shapes(&vs), expected);
    }
}

#[test]
fn swin_large_has_the_tensors_of_the_reference() {
    check("common/full_keys_vnext_swinl_ytvis19.json", swin_large());
}
