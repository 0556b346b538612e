//! `MODEL.BACKBONE`, `MODEL.RESNETS` and `MODEL.SWIN`.

use super::read::Reader;
use crate::{ConfigError, Value};

/// The four maps that the detector reads; the finest is dropped.
const OUT_FEATURES: [&str; 4] = ["res2", "res3", "res4", "res5"];

/// `MODEL.BACKBONE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackboneSection {
    /// `NAME`.
    pub name: BackboneName,
    /// `FREEZE_AT`: 0 trains all, 1 freezes the stem, 2 also res2, up to 5 for all (ResNet only).
    pub freeze_at: i64,
}

/// `MODEL.BACKBONE.NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackboneName {
    /// `build_resnet_backbone`: ResNet and ResNeXt.
    ResNet,
    /// `D2SwinTransformer`.
    Swin,
}

/// `MODEL.RESNETS`.
///
/// `NORM` has no field: only FrozenBN exists. `OUT_FEATURES` has none: it is always res2 to res5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResNetsSection {
    /// `DEPTH`: 18, 34, 50, 101 or 152.
    pub depth: i64,
    /// `NUM_GROUPS` of the 3×3 convolutions.
    pub num_groups: i64,
    /// `WIDTH_PER_GROUP`: channels of one group in res2.
    pub width_per_group: i64,
    /// `STRIDE_IN_1X1`: strides in the first 1×1 convolution of a block, not in its 3×3.
    pub stride_in_1x1: bool,
    /// `RES5_DILATION`: 1 or 2.
    pub res5_dilation: i64,
    /// `RES2_OUT_CHANNELS`; doubles with every stage.
    pub res2_out_channels: i64,
    /// `STEM_OUT_CHANNELS`.
    pub stem_out_channels: i64,
    /// `CALIBRATE_NORM`: layers that the weights to start from lack take the statistics of the first training clips.
    pub calibrate_norm: bool,
}

/// `MODEL.SWIN`.
///
/// `OUT_FEATURES` has no field: it is always res2 to res5.
#[expect(clippy::struct_excessive_bools, reason = "these are independent switches of the file")]
#[derive(Debug, Clone, PartialEq)]
pub struct SwinSection {
    /// `PRETRAIN_IMG_SIZE`: side of the training images of the position embedding, in pixels.
    pub pretrain_img_size: i64,
    /// `PATCH_SIZE` in pixels; always 4.
    pub patch_size: i64,
    /// `EMBED_DIM`: channels of the first stage; doubles with every stage.
    pub embed_dim: i64,
    /// `DEPTHS`: blocks in each stage.
    pub depths: [i64; 4],
    /// `NUM_HEADS` in each stage.
    pub num_heads: [i64; 4],
    /// `WINDOW_SIZE` in tokens.
    pub window_size: i64,
    /// `MLP_RATIO`: hidden channels over channels.
    pub mlp_ratio: f64,
    /// `QKV_BIAS`.
    pub qkv_bias: bool,
    /// `QK_SCALE`; `None` (and 0 in the file) for one over the root of the head's channels.
    pub qk_scale: Option<f64>,
    /// `DROP_RATE`.
    pub drop_rate: f64,
    /// `ATTN_DROP_RATE`.
    pub attn_drop_rate: f64,
    /// `DROP_PATH_RATE` of the last block; rises linearly from 0.
    pub drop_path_rate: f64,
    /// `APE`: adds a learned absolute position embedding.
    pub ape: bool,
    /// `PATCH_NORM`: normalises after the patch embedding.
    pub patch_norm: bool,
    /// `USE_CHECKPOINT`: recomputes activations to save memory; no numerical effect.
    pub use_checkpoint: bool,
}

impl BackboneSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let names = [
            ("build_resnet_backbone", BackboneName::ResNet),
            ("D2SwinTransformer", BackboneName::Swin),
        ];
        let freeze_at = reader.int("MODEL.BACKBONE.FREEZE_AT")?;
        if !(0..=5).contains(&freeze_at) {
            return Err(reader.fail("MODEL.BACKBONE.FREEZE_AT", "an integer from 0 to 5"));
        }
        Ok(Self { name: reader.choice("MODEL.BACKBONE.NAME", &names)?, freeze_at })
    }
}

impl ResNetsSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let key = |name: &str| format!("MODEL.RESNETS.{name}");
        let size = |name: &str| reader.positive::<i64>(&key(name));
        Ok(Self {
            depth: size("DEPTH")?,
            num_groups: size("NUM_GROUPS")?,
            width_per_group: size("WIDTH_PER_GROUP")?,
            stride_in_1x1: reader.bool(&key("STRIDE_IN_1X1"))?,
            res5_dilation: size("RES5_DILATION")?,
            res2_out_channels: size("RES2_OUT_CHANNELS")?,
            stem_out_channels: size("STEM_OUT_CHANNELS")?,
            calibrate_norm: reader.bool(&key("CALIBRATE_NORM"))?,
        })
    }

    pub(super) fn check(&self, reader: &Reader<'_>) -> Result<(), ConfigError> {
        let key = |name: &str| format!("MODEL.RESNETS.{name}");
        if ![18, 34, 50, 101, 152].contains(&self.depth) {
            return Err(reader.fail(&key("DEPTH"), "18, 34, 50, 101 or 152"));
        }
        if !(1..=2).contains(&self.res5_dilation) {
            return Err(reader.fail(&key("RES5_DILATION"), "1 or 2"));
        }
        if reader.text(&key("NORM"))? != "FrozenBN" {
            let why = "other normalisations are not supported in the backbone";
            return Err(reader.fail_hint(&key("NORM"), "'FrozenBN'", why));
        }
        check_out_features(reader, &key("OUT_FEATURES"))?;
        check_no_deformable(reader)?;
        if self.depth < 50 { self.check_basic_blocks(reader) } else { Ok(()) }
    }

    /// ResNet-18 and -34 have blocks of two 3×3 convolutions, which come in one shape only.
    fn check_basic_blocks(&self, reader: &Reader<'_>) -> Result<(), ConfigError> {
        let needed = [
            ("RES2_OUT_CHANNELS", self.res2_out_channels, 64),
            ("NUM_GROUPS", self.num_groups, 1),
            ("RES5_DILATION", self.res5_dilation, 1),
        ];
        for (name, found, value) in needed {
            if found != value {
                let why = format!("ResNet-{} needs {name}: {value}", self.depth);
                let key = format!("MODEL.RESNETS.{name}");
                return Err(reader.fail_hint(&key, &value.to_string(), &why));
            }
        }
        Ok(())
    }
}

fn check_no_deformable(reader: &Reader<'_>) -> Result<(), ConfigError> {
    const KEY: &str = "MODEL.RESNETS.DEFORM_ON_PER_STAGE";
    let stages = reader.list(KEY, "a list of True or False", |value| match value {
        Value::Bool(on) => Some(*on),
        _ => None,
    })?;
    if stages.contains(&true) {
        let why = "deformable convolutions are not supported in the backbone";
        return Err(reader.fail_hint(KEY, "[False, False, False, False]", why));
    }
    Ok(())
}

fn check_out_features(reader: &Reader<'_>, key: &str) -> Result<(), ConfigError> {
    if reader.texts(key)? == OUT_FEATURES {
        return Ok(());
    }
    let hint = r#"the model reads four maps; write ["res2", "res3", "res4", "res5"]"#;
    Err(reader.fail_hint(key, "['res2', 'res3', 'res4', 'res5']", hint))
}

impl SwinSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let key = |name: &str| format!("MODEL.SWIN.{name}");
        let size = |name: &str| reader.positive::<i64>(&key(name));
        let stages = |name: &str| reader.array(&key(name), reader.ints(&key(name))?);
        Ok(Self {
            pretrain_img_size: size("PRETRAIN_IMG_SIZE")?,
            patch_size: size("PATCH_SIZE")?,
            embed_dim: size("EMBED_DIM")?,
            depths: stages("DEPTHS")?,
            num_heads: stages("NUM_HEADS")?,
            window_size: size("WINDOW_SIZE")?,
            mlp_ratio: reader.non_negative(&key("MLP_RATIO"))?,
            qkv_bias: reader.bool(&key("QKV_BIAS"))?,
            qk_scale: reader.optional_float(&key("QK_SCALE"))?.filter(|scale| *scale != 0.0),
            drop_rate: reader.rate(&key("DROP_RATE"))?,
            attn_drop_rate: reader.rate(&key("ATTN_DROP_RATE"))?,
            drop_path_rate: reader.rate(&key("DROP_PATH_RATE"))?,
            ape: reader.bool(&key("APE"))?,
            patch_norm: reader.bool(&key("PATCH_NORM"))?,
            use_checkpoint: reader.bool(&key("USE_CHECKPOINT"))?,
        })
    }

    pub(super) fn check(&self, reader: &Reader<'_>) -> Result<(), ConfigError> {
        let key = |name: &str| format!("MODEL.SWIN.{name}");
        check_out_features(reader, &key("OUT_FEATURES"))?;
        if self.patch_size != 4 {
            let why = "the detector expects maps at strides 4, 8, 16 and 32; write 4";
            return Err(reader.fail_hint(&key("PATCH_SIZE"), "4", why));
        }
        if self.pretrain_img_size < self.patch_size {
            return Err(reader.fail(&key("PRETRAIN_IMG_SIZE"), "an integer of 4 or more"));
        }
        if self.depths.iter().any(|depth| *depth < 1) {
            return Err(reader.fail(&key("DEPTHS"), "four integers of 1 or more"));
        }
        if (self.embed_dim as f64 * self.mlp_ratio) < 1.0 {
            return Err(reader.fail(&key("MLP_RATIO"), "at least one hidden channel"));
        }
        let divides = |(stage, heads): (usize, &i64)| {
            *heads >= 1 && self.embed_dim.checked_shl(stage as u32).is_some_and(|c| c % heads == 0)
        };
        if !self.num_heads.iter().enumerate().all(divides) {
            let expected = "four integers that divide the channels of their stages \
                            (EMBED_DIM, doubled with every stage)";
            return Err(reader.fail(&key("NUM_HEADS"), expected));
        }
        Ok(())
    }
}
