use super::*;

/// A network small enough for unit tests.
pub(crate) fn tiny() -> SeqFormerConfig {
    SeqFormerConfig {
        pixel_mean: [123.675, 116.28, 103.53],
        pixel_std: [58.395, 57.12, 57.375],
        backbone: BackboneConfig::ResNet(ResNetConfig {
            depth: 50,
            stem_out_channels: 8,
            res2_out_channels: 16,
            num_groups: 1,
            width_per_group: 4,
            stride_in_1x1: false,
            res5_dilation: 1,
            freeze_at: 2,
        }),
        transformer: TransformerConfig {
            hidden_dim: 64,
            num_heads: 8,
            num_encoder_layers: 2,
            num_decoder_layers: 2,
            feedforward_dim: 32,
            dropout: 0.1,
            num_encoder_points: 4,
            num_decoder_points: 4,
        },
        num_classes: 5,
        num_queries: 12,
        query_groups: 1,
    }
}

/// A Swin Transformer of the golden files' size, with a change.
pub(crate) fn swin(change: impl Fn(&mut SwinConfig)) -> BackboneConfig {
    let mut config = SwinConfig {
        pretrain_image_size: 224,
        embed_dim: 16,
        depths: [2, 2, 2, 2],
        num_heads: [1, 2, 4, 8],
        window_size: 4,
        mlp_ratio: 4.0,
        qkv_bias: true,
        qk_scale: None,
        dropout: 0.0,
        attention_dropout: 0.0,
        drop_path: 0.3,
        absolute_position_embedding: false,
        patch_norm: true,
    };
    change(&mut config);
    BackboneConfig::Swin(config)
}

#[test]
fn sizes_that_make_no_network_are_refused() {
    let check = |change: &dyn Fn(&mut SeqFormerConfig), expected: &str| {
        let mut config = tiny();
        change(&mut config);
        let message = config.check().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    check(&|config| config.transformer.num_heads = 7, "divided among 7 heads");
    check(&|config| config.transformer.hidden_dim = 48, "multiple of the 32");
    check(&|config| config.num_queries = 0, "at least one query");
    check(&|config| config.pixel_std[1] = 0.0, "must not be zero");
    check(
        &|config| config.backbone = swin(|swin| swin.num_heads[2] = 5),
        "64 channels cannot be divided among 5",
    );
    check(&|config| config.backbone = swin(|swin| swin.depths[1] = 0), "needs a block");
    check(&|config| config.backbone = swin(|swin| swin.window_size = 0), "1 to 64 tokens");
    check(&|config| config.backbone = swin(|swin| swin.mlp_ratio = 0.01), "have no channels");
    check(&|config| config.backbone = swin(|swin| swin.drop_path = 1.0), "between 0 and 1");
    check(
        &|config| config.backbone = swin(|swin| swin.qk_scale = Some(f64::NAN)),
        "must be finite",
    );
    check(&|config| config.transformer.num_decoder_layers = 0, "at least one layer");
    assert!(tiny().check().is_ok());
}
