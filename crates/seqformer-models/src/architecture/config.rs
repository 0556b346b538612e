//! The network that a configuration describes.

use seqformer_config::Config;
use seqformer_config::config::{BackboneName, SwinSection};

use super::{Architecture, Backbone};

impl Architecture {
    /// The network of a configuration.
    pub fn of_config(config: &Config) -> Self {
        let (section, size) = (&config.model.seqformer, |number: i64| number as usize);
        let backbone = match config.model.backbone.name {
            BackboneName::ResNet => {
                let resnet = &config.model.resnets;
                Backbone::ResNet {
                    depth: resnet.depth as u32,
                    num_groups: size(resnet.num_groups),
                    width_per_group: size(resnet.width_per_group),
                    stem_out_channels: size(resnet.stem_out_channels),
                    res2_out_channels: size(resnet.res2_out_channels),
                }
            }
            BackboneName::Swin => swin(&config.model.swin),
        };
        Self {
            backbone,
            hidden_dim: size(section.hidden_dim),
            num_heads: size(section.num_heads),
            num_levels: size(section.num_feature_levels),
            num_encoder_points: size(section.enc_num_points),
            num_decoder_points: size(section.dec_num_points),
            num_encoder_layers: size(section.enc_layers),
            num_decoder_layers: size(section.dec_layers),
            feedforward_dim: size(section.dim_feedforward),
            num_queries: size(section.num_queries),
            class_rows: size(section.num_classes),
            num_classes: size(section.num_classes),
        }
    }
}

fn swin(section: &SwinSection) -> Backbone {
    let size = |number: i64| number as usize;
    Backbone::Swin {
        embed_dim: size(section.embed_dim),
        depths: section.depths.map(size),
        num_heads: section.num_heads.map(size),
        window_size: size(section.window_size),
        mlp_dim: (section.embed_dim as f64 * section.mlp_ratio) as usize,
        qkv_bias: section.qkv_bias,
        patch_norm: section.patch_norm,
        position_image_size: section.ape.then(|| size(section.pretrain_img_size)),
    }
}
