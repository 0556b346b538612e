//! The configuration of a network as plain numbers: the model crate never sees a configuration
//! file.

mod map_sizes;

use crate::ModelError;

pub use map_sizes::{MapSize, halved};

/// Feature levels: three backbone maps, and one at half the resolution of the coarsest.
pub const NUM_LEVELS: usize = 4;
/// Width and height of a Swin Transformer's patches in pixels.
pub(crate) const PATCH_SIZE: i64 = 4;
/// Stride of the mask features in pixels.
pub const MASK_FEATURE_STRIDE: i64 = 8;
/// Stride of the mask logits in pixels.
pub const MASK_STRIDE: i64 = 4;

/// A SeqFormer network.
#[derive(Debug, Clone, PartialEq)]
pub struct SeqFormerConfig {
    /// Per-channel mean of the pixels, in 0..255.
    pub pixel_mean: [f64; 3],
    /// Per-channel standard deviation of the pixels.
    pub pixel_std: [f64; 3],
    /// The backbone.
    pub backbone: BackboneConfig,
    /// The encoder and decoder.
    pub transformer: TransformerConfig,
    /// Classes, `K`.
    pub num_classes: i64,
    /// Instance queries, `Q`.
    pub num_queries: i64,
    /// Groups of `Q` queries in training, `G`, each matched with all instances by itself; 1 in the reference. Inference
    /// has the first group alone.
    ///
    /// Group DETR (arXiv:2207.13085).
    pub query_groups: i64,
}

/// A backbone.
#[derive(Debug, Clone, PartialEq)]
pub enum BackboneConfig {
    /// ResNet and ResNeXt.
    ResNet(ResNetConfig),
    /// Swin Transformer.
    Swin(SwinConfig),
}

/// A ResNet or ResNeXt in detectron2's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResNetConfig {
    /// 18, 34, 50, 101 or 152 layers.
    pub depth: i64,
    /// Channels of the first convolution.
    pub stem_out_channels: i64,
    /// Output channels of res2; they double with every stage.
    pub res2_out_channels: i64,
    /// Groups of the 3×3 convolutions.
    pub num_groups: i64,
    /// Channels per group in res2.
    pub width_per_group: i64,
    /// Whether a bottleneck block strides in its first 1×1 convolution rather than in its 3×3
    /// convolution.
    pub stride_in_1x1: bool,
    /// 1, or 2 to keep res5 at the stride of res4.
    pub res5_dilation: i64,
    /// Number of frozen stages: 1 is the stem, 2 also res2, up to 5.
    pub freeze_at: i64,
}

/// A Swin Transformer in detectron2's form.
#[derive(Debug, Clone, PartialEq)]
pub struct SwinConfig {
    /// Width and height of the images for which the absolute position embedding was trained, in
    /// pixels.
    pub pretrain_image_size: i64,
    /// Channels of the first stage; they double with every stage.
    pub embed_dim: i64,
    /// Blocks in each stage.
    pub depths: [i64; 4],
    /// Attention heads in each stage.
    pub num_heads: [i64; 4],
    /// Width and height of a window in tokens.
    pub window_size: i64,
    /// Ratio of a feed-forward block's hidden channels to its channels.
    pub mlp_ratio: f64,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Scale of the queries; `None` for one over the square root of a head's channels.
    pub qk_scale: Option<f64>,
    /// Dropout rate of activations in training.
    pub dropout: f64,
    /// Dropout rate of attention weights in training.
    pub attention_dropout: f64,
    /// Drop path rate of the last block in training; increases from 0.
    pub drop_path: f64,
    /// Whether a learned position embedding is added to every token.
    pub absolute_position_embedding: bool,
    /// Whether tokens are normalized before the first block.
    pub patch_norm: bool,
}

/// Encoder and decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformerConfig {
    /// Channels of tokens and queries, `C`.
    pub hidden_dim: i64,
    /// Attention heads, `M`.
    pub num_heads: i64,
    /// Encoder layers.
    pub num_encoder_layers: i64,
    /// Decoder layers.
    pub num_decoder_layers: i64,
    /// Hidden channels of the feed-forward blocks.
    pub feedforward_dim: i64,
    /// Dropout rate of activations in training.
    pub dropout: f64,
    /// Sampling locations per head and level in the encoder, `P`.
    pub num_encoder_points: i64,
    /// Sampling locations per head and level in the decoder, `P`.
    pub num_decoder_points: i64,
}

impl SeqFormerConfig {
    /// Checks that the configuration is valid.
    ///
    /// # Errors
    ///
    /// If a number is out of range, or the channels are not divisible by the number of heads or
    /// groups.
    pub fn check(&self) -> Result<(), ModelError> {
        let wrong = |what: String| Err(ModelError::Config { what });
        let TransformerConfig { hidden_dim, num_heads, .. } = self.transformer;
        if num_heads < 1 || hidden_dim % num_heads != 0 {
            return wrong(format!(
                "{hidden_dim} hidden channels cannot be divided among {num_heads} heads"
            ));
        }
        if hidden_dim % 32 != 0 {
            return wrong(format!(
                "{hidden_dim} hidden channels are not a multiple of the 32 normalised groups"
            ));
        }
        if self.transformer.num_decoder_layers < 1 {
            return wrong("the decoder needs at least one layer".to_owned());
        }
        if self.num_queries < 1 || self.query_groups < 1 || self.num_classes < 1 {
            return wrong("there must be at least one query and one class".to_owned());
        }
        if self.pixel_std.iter().any(|std| !(std.is_finite() && *std != 0.0)) {
            return wrong("the deviation of the pixels must not be zero".to_owned());
        }
        let backbone = match &self.backbone {
            BackboneConfig::ResNet(resnet) => resnet.check(),
            BackboneConfig::Swin(swin) => swin.check(),
        };
        backbone.or_else(wrong)
    }
}

impl ResNetConfig {
    fn check(&self) -> Result<(), String> {
        if ![18, 34, 50, 101, 152].contains(&self.depth) {
            return Err(format!("a ResNet has 18, 34, 50, 101 or 152 layers, not {}", self.depth));
        }
        let sizes =
            [self.stem_out_channels, self.res2_out_channels, self.num_groups, self.width_per_group];
        if sizes.iter().any(|size| *size < 1) {
            return Err("channels and groups of a ResNet must be at least one".to_owned());
        }
        if !(1..=2).contains(&self.res5_dilation) {
            return Err(format!("res5 has dilation 1 or 2, not {}", self.res5_dilation));
        }
        // Blocks of two 3×3 convolutions support neither groups nor dilation.
        if self.depth < 50 && (self.num_groups != 1 || self.res5_dilation != 1) {
            return Err(format!("a ResNet-{} has neither groups nor dilation", self.depth));
        }
        Ok(())
    }
}

impl SwinConfig {
    /// Hidden channels of a feed-forward block between maps of `channels` channels.
    pub(crate) fn mlp_channels(&self, channels: i64) -> i64 {
        (channels as f64 * self.mlp_ratio) as i64
    }

    fn check(&self) -> Result<(), String> {
        // The last stage has eight times the channels.
        if self.embed_dim < 1 || self.embed_dim > i64::from(u16::MAX) {
            return Err(format!("a Swin Transformer cannot have {} channels", self.embed_dim));
        }
        for (stage, &heads) in self.num_heads.iter().enumerate() {
            let channels = self.embed_dim << stage;
            if heads < 1 || channels % heads != 0 {
                return Err(format!("{channels} channels cannot be divided among {heads} heads"));
            }
        }
        if self.depths.iter().any(|depth| *depth < 1) {
            return Err("every stage of a Swin Transformer needs a block".to_owned());
        }
        if !(1..=64).contains(&self.window_size) {
            return Err(format!("windows have 1 to 64 tokens a side, not {}", self.window_size));
        }
        if self.mlp_channels(self.embed_dim) < 1 {
            return Err(format!(
                "the feed-forward blocks have no channels at {} times theirs",
                self.mlp_ratio
            ));
        }
        if self.absolute_position_embedding && self.pretrain_image_size < PATCH_SIZE {
            return Err(format!("images of {} pixels have no patch", self.pretrain_image_size));
        }
        if self.qk_scale.is_some_and(|scale| !scale.is_finite()) {
            return Err("the factor of the queries must be finite".to_owned());
        }
        let rates = [self.dropout, self.attention_dropout, self.drop_path];
        if rates.iter().any(|rate| !(0.0..1.0).contains(rate)) {
            return Err("dropout rates must lie between 0 and 1".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
