//! The image network.
//!
//! detectron2 `modeling/backbone/resnet.py` and VNext `projects/SeqFormer/seqformer/backbone/swin.py`.

use std::fmt;

use seqformer_checkpoint::weights::Architecture as Named;

use super::tensors::{BACKBONE, STAGES, Tensors};
use super::{ArchitectureError, Setting};

/// Pixels of a side of a patch.
const PATCH_SIZE: usize = 4;

/// An image network.
#[derive(Debug, Clone, PartialEq)]
pub enum Backbone {
    /// A ResNet, or a ResNeXt if there are groups.
    ResNet {
        /// Layers: 18, 34, 50, 101 or 152.
        depth: u32,
        /// Groups of the 3×3 convolutions.
        num_groups: usize,
        /// Channels of a group in res2.
        width_per_group: usize,
        /// Channels of the first convolution.
        stem_out_channels: usize,
        /// Channels of res2.
        res2_out_channels: usize,
    },
    /// A Swin Transformer.
    Swin {
        /// Channels of the first stage.
        embed_dim: usize,
        /// Blocks of each stage.
        depths: [usize; STAGES],
        /// Heads of each stage.
        num_heads: [usize; STAGES],
        /// Tokens per window, side by side.
        window_size: usize,
        /// Hidden channels of the feed-forward layers of the first stage.
        mlp_dim: usize,
        /// Biases of queries, keys and values.
        qkv_bias: bool,
        /// A norm behind the patch embedding.
        patch_norm: bool,
        /// Side in pixels of the images that the absolute position embedding is for, if there is one.
        position_image_size: Option<usize>,
    },
}

impl Backbone {
    pub(super) fn from_tensors(tensors: Tensors<'_>) -> Result<Self, ArchitectureError> {
        if tensors.has(&format!("{BACKBONE}patch_embed.proj.weight")) {
            Self::swin(tensors)
        } else {
            Self::resnet(tensors)
        }
    }

    fn resnet(tensors: Tensors<'_>) -> Result<Self, ArchitectureError> {
        let name = |part: &str| format!("{BACKBONE}{part}.weight");
        let [stem_out_channels, ..] = tensors.sides::<4>(&name("stem.conv1"))?;
        let blocks =
            [2, 3, 4, 5].map(|stage| tensors.count(|i| name(&format!("res{stage}.{i}.conv1"))));
        let is_bottleneck = tensors.has(&name("res2.0.conv3"));
        let depth = match (is_bottleneck, blocks) {
            (false, [2, 2, 2, 2]) => 18,
            (false, [3, 4, 6, 3]) => 34,
            (true, [3, 4, 6, 3]) => 50,
            (true, [3, 4, 23, 3]) => 101,
            (true, [3, 8, 36, 3]) => 152,
            _ => return Err(ArchitectureError::UnknownDepth { blocks }),
        };
        let [outputs, inputs_per_group, ..] = tensors.sides::<4>(&name("res2.0.conv2"))?;
        let last = if is_bottleneck { "res2.0.conv3" } else { "res2.0.conv2" };
        let [res2_out_channels, ..] = tensors.sides::<4>(&name(last))?;
        Ok(Self::ResNet {
            depth,
            num_groups: outputs.checked_div(inputs_per_group).unwrap_or(1).max(1),
            width_per_group: inputs_per_group,
            stem_out_channels,
            res2_out_channels,
        })
    }

    fn swin(tensors: Tensors<'_>) -> Result<Self, ArchitectureError> {
        let [embed_dim, ..] = tensors.sides::<4>(&format!("{BACKBONE}patch_embed.proj.weight"))?;
        let block = |stage: usize, i: usize, part: &str| {
            format!("{BACKBONE}layers.{stage}.blocks.{i}.{part}")
        };
        let mut num_heads = [0; STAGES];
        let mut window_size = 0;
        for (stage, heads) in num_heads.iter_mut().enumerate() {
            let name = block(stage, 0, "attn.relative_position_bias_table");
            let [offsets, found] = tensors.sides(&name)?;
            *heads = found;
            // A row for each offset between two tokens, (2w - 1)².
            window_size = offsets.isqrt().div_ceil(2);
            if (2 * window_size).saturating_sub(1).pow(2) != offsets {
                let expected = "a row for each offset between two tokens of a window".to_owned();
                let found = vec![offsets, found];
                return Err(ArchitectureError::Contradicts { tensor: name, expected, found });
            }
        }
        let depths = [0, 1, 2, 3].map(|stage| tensors.count(|i| block(stage, i, "norm1.weight")));
        let [mlp_dim, _] = tensors.sides(&block(0, 0, "mlp.fc1.weight"))?;
        let position = format!("{BACKBONE}absolute_pos_embed");
        let position_image_size = if tensors.has(&position) {
            let [_, _, height, _] = tensors.sides(&position)?;
            Some(height * PATCH_SIZE)
        } else {
            None
        };
        Ok(Self::Swin {
            embed_dim,
            depths,
            num_heads,
            window_size,
            mlp_dim,
            qkv_bias: tensors.has(&block(0, 0, "attn.qkv.bias")),
            patch_norm: tensors.has(&format!("{BACKBONE}patch_embed.norm.weight")),
            position_image_size,
        })
    }

    pub(super) fn settings(&self) -> Vec<Setting> {
        let text = |key, value: &str| Setting { key, value: value.to_owned() };
        let number = |key, value: usize| Setting { key, value: value.to_string() };
        let switch = |key, on: bool| text(key, if on { "True" } else { "False" });
        match self {
            Self::ResNet {
                depth,
                num_groups,
                width_per_group,
                stem_out_channels,
                res2_out_channels,
            } => vec![
                text("MODEL.BACKBONE.NAME", "build_resnet_backbone"),
                number("MODEL.RESNETS.DEPTH", *depth as usize),
                number("MODEL.RESNETS.NUM_GROUPS", *num_groups),
                number("MODEL.RESNETS.WIDTH_PER_GROUP", *width_per_group),
                number("MODEL.RESNETS.STEM_OUT_CHANNELS", *stem_out_channels),
                number("MODEL.RESNETS.RES2_OUT_CHANNELS", *res2_out_channels),
                switch("MODEL.RESNETS.STRIDE_IN_1X1", false),
            ],
            Self::Swin {
                embed_dim,
                depths,
                num_heads,
                window_size,
                mlp_dim,
                qkv_bias,
                patch_norm,
                position_image_size,
            } => {
                let mut settings = vec![
                    text("MODEL.BACKBONE.NAME", "D2SwinTransformer"),
                    number("MODEL.SWIN.EMBED_DIM", *embed_dim),
                    text("MODEL.SWIN.DEPTHS", &format!("{depths:?}")),
                    text("MODEL.SWIN.NUM_HEADS", &format!("{num_heads:?}")),
                    number("MODEL.SWIN.WINDOW_SIZE", *window_size),
                    text(
                        "MODEL.SWIN.MLP_RATIO",
                        &format!("{:?}", *mlp_dim as f64 / *embed_dim as f64),
                    ),
                    switch("MODEL.SWIN.QKV_BIAS", *qkv_bias),
                    switch("MODEL.SWIN.PATCH_NORM", *patch_norm),
                    switch("MODEL.SWIN.APE", position_image_size.is_some()),
                ];
                settings.extend(
                    position_image_size.map(|size| number("MODEL.SWIN.PRETRAIN_IMG_SIZE", size)),
                );
                settings
            }
        }
    }

    pub(super) fn assumptions(&self) -> Option<String> {
        let is_resnet = matches!(self, Self::ResNet { .. });
        is_resnet.then(|| {
            "strides in the 3x3 convolutions of the ResNet, none of them dilated".to_owned()
        })
    }
}

impl fmt::Display for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = match self.clone() {
            Self::ResNet { depth, num_groups, width_per_group, .. } => {
                Named::ResNet { depth, groups: num_groups, width_per_group }
            }
            Self::Swin { embed_dim, depths, window_size, .. } => {
                Named::Swin { embed_dim, depths: depths.to_vec(), window_size }
            }
        };
        write!(f, "{named}")
    }
}
