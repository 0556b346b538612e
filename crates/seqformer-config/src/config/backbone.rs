//! `MODEL.BACKBONE`.

use super::choice::choice;
use super::read::Reader;
use super::section::section;
use crate::ConfigError;
use crate::spec::Shown::By;
use crate::spec::tests_in::{BACKBONES, BUILDER};

section! {
    /// `MODEL.BACKBONE`.
    #[derive(Eq)]
    pub struct BackboneSection {
        name: BackboneName = "MODEL.BACKBONE.NAME" or "'build_resnet_backbone'", Reader::choice,
            "Backbone: build_resnet_backbone or D2SwinTransformer.",
            By(BUILDER, "the_swin_recipe_gives_swin_large");
        freeze_at: i64 = "MODEL.BACKBONE.FREEZE_AT" or "2", freeze_at,
            "Stages of a ResNet that are not trained: 0 none, 1 the stem, 2 also res2, up to 5.",
            By(BACKBONES, "frozen_stages_are_not_trained");
    }
}

choice! {
    /// `MODEL.BACKBONE.NAME`.
    pub enum BackboneName {
        /// `build_resnet_backbone`: ResNet and ResNeXt.
        ResNet = "build_resnet_backbone",
        /// `D2SwinTransformer`.
        Swin = "D2SwinTransformer",
    }
}

impl BackboneName {
    /// Whether this is the backbone, so that its settings must be in order.
    pub(super) fn is_chosen(self, reader: &Reader<'_>) -> Result<bool, ConfigError> {
        Ok(reader.choice::<Self>("MODEL.BACKBONE.NAME")? == self)
    }
}

fn freeze_at(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    let stages = reader.int(key)?;
    if !(0..=5).contains(&stages) {
        return Err(reader.fail(key, "an integer from 0 to 5"));
    }
    Ok(stages)
}

/// `OUT_FEATURES` of a backbone: the four maps that the detector reads, of which it drops the finest.
pub(super) fn check_out_features(reader: &Reader<'_>, key: &str) -> Result<(), ConfigError> {
    if reader.texts(key)? == ["res2", "res3", "res4", "res5"] {
        return Ok(());
    }
    let hint = r#"the model reads four maps; write ["res2", "res3", "res4", "res5"]"#;
    Err(reader.fail_hint(key, "['res2', 'res3', 'res4', 'res5']", hint))
}
