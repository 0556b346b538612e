//! The sizes of a network, as plain numbers: the model crate never sees a file of settings.

use crate::ModelError;

/// Feature levels of the pyramid: three backbone maps and one more of half the coarsest.
pub const NUM_LEVELS: usize = 4;
/// Frames and their padding are multiples of this, in pixels.
pub const SIZE_DIVISIBILITY: i64 = 32;
/// Pixels per cell of the mask features, side by side.
pub const MASK_FEATURE_STRIDE: i64 = 8;
/// Pixels per cell of the mask logits, side by side.
pub const MASK_STRIDE: i64 = 4;

/// A SeqFormer network.
#[derive(Debug, Clone, PartialEq)]
pub struct SeqFormerConfig {
    /// Per-channel mean of the pixels, 0 to 255.
    pub pixel_mean: [f64; 3],
    /// Per-channel deviation of the pixels.
    pub pixel_std: [f64; 3],
    /// The image network.
    pub backbone: BackboneConfig,
    /// The encoder and decoder.
    pub transformer: TransformerConfig,
    /// Classes, `K`.
    pub num_classes: i64,
    /// Instance queries, `Q`.
    pub num_queries: i64,
}

/// The image network.
#[derive(Debug, Clone, PartialEq)]
pub enum BackboneConfig {
    /// ResNet and ResNeXt.
    ResNet(ResNetConfig),
}

/// A ResNet or ResNeXt in detectron2's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResNetConfig {
    /// 18, 34, 50, 101 or 152 layers.
    pub depth: i64,
    /// Channels of the first convolution.
    pub stem_out_channels: i64,
    /// Channels that res2 gives; they double with every stage.
    pub res2_out_channels: i64,
    /// Groups of the 3×3 convolutions.
    pub num_groups: i64,
    /// Channels of a group in res2.
    pub width_per_group: i64,
    /// Where a block of 1×1, 3×3 and 1×1 convolutions strides.
    pub stride_in_1x1: bool,
    /// 1, or 2 to keep res5 at the stride of res4.
    pub res5_dilation: i64,
    /// Stages that are not trained: 1 the stem, 2 also res2, up to 5.
    pub freeze_at: i64,
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
    /// Share of activations that training drops.
    pub dropout: f64,
    /// Sampling points per head and level in the encoder, `P`.
    pub num_encoder_points: i64,
    /// Sampling points per head and level in the decoder, `P`.
    pub num_decoder_points: i64,
}

impl SeqFormerConfig {
    /// Checks that the numbers make a network.
    ///
    /// # Errors
    ///
    /// If a number is out of its range, or the channels cannot be divided among heads or groups.
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
        if self.num_queries < 1 || self.num_classes < 1 {
            return wrong("there must be at least one query and one class".to_owned());
        }
        if self.pixel_std.iter().any(|std| !(std.is_finite() && *std != 0.0)) {
            return wrong("the deviation of the pixels must not be zero".to_owned());
        }
        let BackboneConfig::ResNet(resnet) = &self.backbone;
        if ![18, 34, 50, 101, 152].contains(&resnet.depth) {
            return wrong(format!(
                "a ResNet has 18, 34, 50, 101 or 152 layers, not {}",
                resnet.depth
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
