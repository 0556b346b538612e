//! From a configuration to typed arguments: the only reader of configuration keys.

use seqformer::SeqFormerConfig;
use seqformer::config::{BackboneConfig, ResNetConfig, SwinConfig, TransformerConfig};
use seqformer::inference::SelectionRule;
use seqformer_config::Config;
use seqformer_config::config::BackboneName;

use crate::ClipOptions;

/// Queries that become results: the reference's number.
pub const MAX_QUERIES: i64 = 10;

/// The network that `MODEL` describes.
pub fn model_config(config: &Config) -> SeqFormerConfig {
    let model = &config.model;
    let section = &model.seqformer;
    let backbone = match model.backbone.name {
        BackboneName::ResNet => BackboneConfig::ResNet(ResNetConfig {
            depth: model.resnets.depth,
            stem_out_channels: model.resnets.stem_out_channels,
            res2_out_channels: model.resnets.res2_out_channels,
            num_groups: model.resnets.num_groups,
            width_per_group: model.resnets.width_per_group,
            stride_in_1x1: model.resnets.stride_in_1x1,
            res5_dilation: model.resnets.res5_dilation,
            freeze_at: model.backbone.freeze_at,
        }),
        BackboneName::Swin => BackboneConfig::Swin(SwinConfig {
            pretrain_image_size: model.swin.pretrain_img_size,
            embed_dim: model.swin.embed_dim,
            depths: model.swin.depths,
            num_heads: model.swin.num_heads,
            window_size: model.swin.window_size,
            mlp_ratio: model.swin.mlp_ratio,
            qkv_bias: model.swin.qkv_bias,
            qk_scale: model.swin.qk_scale,
            dropout: model.swin.drop_rate,
            attention_dropout: model.swin.attn_drop_rate,
            drop_path: model.swin.drop_path_rate,
            absolute_position_embedding: model.swin.ape,
            patch_norm: model.swin.patch_norm,
        }),
    };
    SeqFormerConfig {
        pixel_mean: model.pixel_mean,
        pixel_std: model.pixel_std,
        backbone,
        transformer: TransformerConfig {
            hidden_dim: section.hidden_dim,
            num_heads: section.num_heads,
            num_encoder_layers: section.enc_layers,
            num_decoder_layers: section.dec_layers,
            feedforward_dim: section.dim_feedforward,
            dropout: section.dropout,
            num_encoder_points: section.enc_num_points,
            num_decoder_points: section.dec_num_points,
        },
        num_classes: section.num_classes,
        num_queries: section.num_queries,
    }
}

/// How results are picked: `MODEL.SeqFormer.MULTI_CLS_ON` and `APPLY_CLS_THRES`.
pub fn selection_rule(config: &Config) -> SelectionRule {
    let section = &config.model.seqformer;
    SelectionRule {
        max_queries: MAX_QUERIES,
        class_threshold: section.multi_cls_on.then_some(section.apply_cls_thres),
    }
}

/// How long videos are cut: `MODEL.SeqFormer.CLIP_MATCHING`, `CLIP_LENGTH` and `CLIP_STRIDE`.
pub fn clip_options(config: &Config) -> Option<ClipOptions> {
    let section = &config.model.seqformer;
    section
        .clip_matching
        .then_some(ClipOptions { length: section.clip_length, stride: section.clip_stride })
}

#[cfg(test)]
mod tests;
