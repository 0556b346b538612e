//! `MODEL.RESNETS`.

use super::backbone::{BackboneName, check_out_features};
use super::read::Reader;
use super::section::section;
use crate::spec::Shown::{self, By};
use crate::spec::tests_in::{BACKBONES, CONFIG, TRAIN};
use crate::{ConfigError, Value};

/// Nearly all keys of the section.
const OPTIONS: Shown = By(BACKBONES, "resnets_of_every_depth_and_option_agree_with_pytorch");

section! {
    /// `MODEL.RESNETS`.
    ///
    /// What has one possible value is checked and has no field.
    #[derive(Eq)]
    pub struct ResNetsSection {
        calibrate_norm: bool = "MODEL.RESNETS.CALIBRATE_NORM" or "False", Reader::bool,
            "Layers of the backbone that MODEL.WEIGHTS lacks, or all without it: takes their frozen statistics \
             from the first training clips.",
            By(TRAIN, "a_new_backbone_may_take_its_statistics_from_the_first_clips");
        depth: i64 = "MODEL.RESNETS.DEPTH" or "50", depth,
            "Layers: 18, 34, 50, 101 or 152.", OPTIONS;
        _ = "MODEL.RESNETS.OUT_FEATURES" or "['res4']", out_features,
            "Output maps; must be res2, res3, res4 and res5.",
            By(CONFIG, "wrong_settings_are_errors_that_name_the_key");
        num_groups: i64 = "MODEL.RESNETS.NUM_GROUPS" or "1", num_groups,
            "Groups of the 3x3 convolutions (ResNeXt).",
            By(BACKBONES, "resnexts_agree_with_pytorch");
        _ = "MODEL.RESNETS.NORM" or "'FrozenBN'", norm,
            "Normalisation; only FrozenBN is supported.",
            By(CONFIG, "wrong_settings_are_errors_that_name_the_key");
        width_per_group: i64 = "MODEL.RESNETS.WIDTH_PER_GROUP" or "64", Reader::positive,
            "Channels of one group in res2.", By(BACKBONES, "resnexts_agree_with_pytorch");
        stride_in_1x1: bool = "MODEL.RESNETS.STRIDE_IN_1X1" or "True", Reader::bool,
            "Strides in the first 1x1 convolution of a block, not in its 3x3.", OPTIONS;
        res5_dilation: i64 = "MODEL.RESNETS.RES5_DILATION" or "1", res5_dilation,
            "Dilation of res5: 1 or 2.", OPTIONS;
        res2_out_channels: i64 = "MODEL.RESNETS.RES2_OUT_CHANNELS" or "256", res2_out_channels,
            "Output channels of res2, doubled with every stage.", OPTIONS;
        stem_out_channels: i64 = "MODEL.RESNETS.STEM_OUT_CHANNELS" or "64", Reader::positive,
            "Output channels of the stem.", OPTIONS;
        _ = "MODEL.RESNETS.DEFORM_ON_PER_STAGE" or "[False, False, False, False]", no_deformable,
            "Deformable convolutions in res2 to res5; not supported.",
            By(CONFIG, "wrong_settings_are_errors_that_name_the_key");
    }
}

fn is_chosen(reader: &Reader<'_>) -> Result<bool, ConfigError> {
    BackboneName::ResNet.is_chosen(reader)
}

fn depth(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    let depth = reader.positive(key)?;
    if is_chosen(reader)? && ![18, 34, 50, 101, 152].contains(&depth) {
        return Err(reader.fail(key, "18, 34, 50, 101 or 152"));
    }
    Ok(depth)
}

fn out_features(reader: &Reader<'_>, key: &str) -> Result<(), ConfigError> {
    if is_chosen(reader)? { check_out_features(reader, key) } else { Ok(()) }
}

fn norm(reader: &Reader<'_>, key: &str) -> Result<(), ConfigError> {
    if is_chosen(reader)? && reader.text(key)? != "FrozenBN" {
        let why = "other normalisations are not supported in the backbone";
        return Err(reader.fail_hint(key, "'FrozenBN'", why));
    }
    Ok(())
}

fn no_deformable(reader: &Reader<'_>, key: &str) -> Result<(), ConfigError> {
    if !is_chosen(reader)? {
        return Ok(());
    }
    let stages = reader.list(key, "a list of True or False", |value| match value {
        Value::Bool(on) => Some(*on),
        _ => None,
    })?;
    if stages.contains(&true) {
        let why = "deformable convolutions are not supported in the backbone";
        return Err(reader.fail_hint(key, "[False, False, False, False]", why));
    }
    Ok(())
}

fn num_groups(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    fits_basic_blocks(reader, key, reader.positive(key)?, 1)
}

fn res5_dilation(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    let dilation = reader.positive(key)?;
    if is_chosen(reader)? && !(1..=2).contains(&dilation) {
        return Err(reader.fail(key, "1 or 2"));
    }
    fits_basic_blocks(reader, key, dilation, 1)
}

fn res2_out_channels(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    fits_basic_blocks(reader, key, reader.positive(key)?, 64)
}

/// ResNet-18 and -34 have blocks of two 3×3 convolutions, which come in one shape only: that with `only`.
fn fits_basic_blocks(
    reader: &Reader<'_>,
    key: &str,
    value: i64,
    only: i64,
) -> Result<i64, ConfigError> {
    let depth = reader.int("MODEL.RESNETS.DEPTH")?;
    if depth < 50 && value != only && is_chosen(reader)? {
        let name = key.rsplit('.').next().unwrap_or(key);
        let why = format!("ResNet-{depth} needs {name}: {only}");
        return Err(reader.fail_hint(key, &only.to_string(), &why));
    }
    Ok(value)
}
