use std::path::Path;

use seqformer::config::{BackboneConfig, ResNetConfig, SwinConfig};
use seqformer_config::{CfgNode, Config};
use seqformer_engine::builder::model_config;

use super::*;

fn network(pairs: &[&str]) -> SeqFormerConfig {
    let mut node = CfgNode::defaults();
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/base_ytvis.yaml");
    node.merge_from_file(&recipe).unwrap();
    let pairs: Vec<String> = pairs.iter().map(ToString::to_string).collect();
    node.merge_from_list(&pairs).unwrap();
    model_config(&Config::try_from(&node).unwrap())
}

fn giga(config: &BackboneConfig) -> f64 {
    let size = ImageSize { height: 224, width: 224 };
    multiply_adds(config, size) / 1e9
}

/// The published numbers are of classifiers at 224x224; their last layer is left out here.
#[test]
fn image_networks_take_as_much_as_their_authors_say() {
    let resnet = |depth, num_groups, width_per_group| {
        BackboneConfig::ResNet(ResNetConfig {
            depth,
            stem_out_channels: 64,
            res2_out_channels: if depth < 50 { 64 } else { 256 },
            num_groups,
            width_per_group,
            stride_in_1x1: false,
            res5_dilation: 1,
            freeze_at: 2,
        })
    };
    // torchvision's model pages: 1.81, 4.09, 7.80 and 16.41 with the classifier's 0.001 to 0.002.
    for (config, expected) in [
        (resnet(18, 1, 64), 1.81),
        (resnet(50, 1, 64), 4.09),
        (resnet(101, 1, 64), 7.80),
        (resnet(101, 32, 8), 16.41),
    ] {
        assert!((giga(&config) - expected).abs() < 0.01, "{} {expected}", giga(&config));
    }
    // Liu et al. 2021, table 1: Swin-T 4.5 G, Swin-L at 384 pixels with windows of 12 103.9 G.
    let swin = |embed_dim, depths, num_heads, window_size| {
        BackboneConfig::Swin(SwinConfig {
            pretrain_image_size: 224,
            embed_dim,
            depths,
            num_heads,
            window_size,
            mlp_ratio: 4.0,
            qkv_bias: true,
            qk_scale: None,
            dropout: 0.0,
            attention_dropout: 0.0,
            drop_path: 0.0,
            absolute_position_embedding: false,
            patch_norm: true,
        })
    };
    assert!((giga(&swin(96, [2, 2, 6, 2], [3, 6, 12, 24], 7)) - 4.5).abs() < 0.05);
    let large = swin(192, [2, 2, 18, 2], [6, 12, 24, 48], 12);
    let size = ImageSize { height: 384, width: 384 };
    let found = multiply_adds(&large, size) / 1e9;
    assert!((found - 103.9).abs() < 1.0, "{found}");
}

/// A network of one encoder and one decoder layer on a frame of 32x32, by hand.
#[test]
fn a_small_network_is_counted_as_by_hand() {
    let network = network(&[
        "MODEL.SeqFormer.ENC_LAYERS",
        "1",
        "MODEL.SeqFormer.DEC_LAYERS",
        "1",
        "MODEL.SeqFormer.HIDDEN_DIM",
        "64",
        "MODEL.SeqFormer.NHEADS",
        "8",
        "MODEL.SeqFormer.DIM_FEEDFORWARD",
        "128",
        "MODEL.SeqFormer.NUM_OBJECT_QUERIES",
        "10",
        "MODEL.SeqFormer.NUM_CLASSES",
        "5",
    ]);
    let load = Workload {
        frame: ImageSize { height: 20, width: 32 },
        num_frames: 3,
        clip_frames: 3,
        num_clips: 1,
        num_instances: 2,
    };
    let work = NetworkWork::of(&network, load);
    // Levels of 16, 4, 1 and 1 tokens; 8 heads, 4 levels and 4 points are 128 samples.
    let tokens = 22.0;
    let projections =
        16.0 * 512.0 * 64.0 + 4.0 * 1024.0 * 64.0 + 2048.0 * 64.0 + 9.0 * 2048.0 * 64.0;
    let layer = tokens * (2.0 * 4096.0 + 3.0 * 128.0 * 64.0 + 2.0 * 64.0 * 128.0);
    assert_eq!(work.encoder.flop, 3.0 * 2.0 * (projections + layer));
    assert_eq!(work.encoder.gathered_values, 3.0 * tokens * 128.0 * 4.0 * 8.0);
    let attend = 4.0 * 10.0 * 4096.0 + 2.0 * 100.0 * 64.0;
    let query =
        3.0 * 128.0 * 64.0 + 2.0 * 4096.0 + 64.0 + 2.0 * 64.0 * 128.0 + 2.0 * 4096.0 + 256.0;
    let boxes = tokens * 4096.0 + attend + 10.0 * query;
    let heads = 64.0 * 5.0 + 2.0 * 4096.0 + 64.0 * (4.0 * 8.0 + 64.0 + 8.0 + 17.0);
    let instances = attend + 10.0 * (2.0 * 64.0 * 128.0 + heads);
    assert_eq!(work.decoder.flop, 2.0 * (3.0 * boxes + instances));
    let features = 21.0 * 9.0 * 4096.0 + 16.0 * 9.0 * (64.0 * 16.0 + 16.0 * 2.0);
    let masks = 2.0 * 3.0 * 16.0 * (4.0 * 8.0 + 64.0 + 8.0);
    assert_eq!(work.masks.flop, 2.0 * (3.0 * features + masks));
    let total = work.backbone.flop + work.encoder.flop + work.decoder.flop + work.masks.flop;
    assert_eq!(work.total().flop, total);
}
