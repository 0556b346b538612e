//! `MODEL.SWIN`.

use super::backbone::{BackboneName, check_out_features};
use super::read::Reader;
use super::section::section;
use crate::ConfigError;
use crate::spec::Shown::{self, By};
use crate::spec::tests_in::{BACKBONES, CONFIG};

/// Nearly all keys of the section.
const OPTIONS: Shown = By(BACKBONES, "swin_transformers_with_every_option_agree_with_pytorch");
const DRAWN: Shown = By(BACKBONES, "training_draws_and_inference_does_not");

section! {
    /// `MODEL.SWIN`.
    ///
    /// What has one possible value is checked; the names of the output maps have no field.
    pub struct SwinSection {
        pretrain_img_size: i64 = "MODEL.SWIN.PRETRAIN_IMG_SIZE" or "224", pretrain_img_size,
            "Side of the images of the pre-training in pixels; sizes the position embedding.",
            OPTIONS;
        patch_size: i64 = "MODEL.SWIN.PATCH_SIZE" or "4", patch_size,
            "Side of a patch in pixels; must be 4.",
            By(CONFIG, "wrong_settings_are_errors_that_name_the_key");
        embed_dim: i64 = "MODEL.SWIN.EMBED_DIM" or "96", Reader::positive,
            "Channels of the first stage, doubled with every stage.", OPTIONS;
        depths: [i64; 4] = "MODEL.SWIN.DEPTHS" or "[2, 2, 6, 2]", depths,
            "Blocks in each stage.", OPTIONS;
        num_heads: [i64; 4] = "MODEL.SWIN.NUM_HEADS" or "[3, 6, 12, 24]", num_heads,
            "Attention heads in each stage.", OPTIONS;
        window_size: i64 = "MODEL.SWIN.WINDOW_SIZE" or "7", Reader::positive,
            "Side of an attention window in tokens.", OPTIONS;
        mlp_ratio: f64 = "MODEL.SWIN.MLP_RATIO" or "4.0", mlp_ratio,
            "Hidden channels of the feed-forward layers over their channels.", OPTIONS;
        qkv_bias: bool = "MODEL.SWIN.QKV_BIAS" or "True", Reader::bool,
            "Biases in the query, key and value projections.", OPTIONS;
        qk_scale: Option<f64> = "MODEL.SWIN.QK_SCALE" or "None", qk_scale,
            "Scale of the queries; None for one over the root of the head's channels.", OPTIONS;
        drop_rate: f64 = "MODEL.SWIN.DROP_RATE" or "0.0", Reader::rate,
            "Dropout of the features.", DRAWN;
        attn_drop_rate: f64 = "MODEL.SWIN.ATTN_DROP_RATE" or "0.0", Reader::rate,
            "Dropout of the attention weights.", DRAWN;
        drop_path_rate: f64 = "MODEL.SWIN.DROP_PATH_RATE" or "0.3", Reader::rate,
            "Rate of skipped residual branches in the last block, rising linearly from 0.", DRAWN;
        ape: bool = "MODEL.SWIN.APE" or "False", Reader::bool,
            "Adds a learned absolute position embedding.", OPTIONS;
        patch_norm: bool = "MODEL.SWIN.PATCH_NORM" or "True", Reader::bool,
            "Normalises after the patch embedding.", OPTIONS;
        _ = "MODEL.SWIN.OUT_FEATURES" or "['res2', 'res3', 'res4', 'res5']", out_features,
            "Output maps; must be res2, res3, res4 and res5.",
            By(CONFIG, "wrong_settings_are_errors_that_name_the_key");
        use_checkpoint: bool = "MODEL.SWIN.USE_CHECKPOINT" or "False", Reader::bool,
            "Recomputes activations in the backward pass to save memory.",
            By(BACKBONES, "blocks_that_are_run_again_give_the_same_gradients");
    }
}

fn is_chosen(reader: &Reader<'_>) -> Result<bool, ConfigError> {
    BackboneName::Swin.is_chosen(reader)
}

fn pretrain_img_size(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    let size = reader.positive(key)?;
    // One patch.
    if is_chosen(reader)? && size < 4 {
        return Err(reader.fail(key, "an integer of 4 or more"));
    }
    Ok(size)
}

fn patch_size(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    let size = reader.positive(key)?;
    if is_chosen(reader)? && size != 4 {
        let why = "the detector expects maps at strides 4, 8, 16 and 32; write 4";
        return Err(reader.fail_hint(key, "4", why));
    }
    Ok(size)
}

fn depths(reader: &Reader<'_>, key: &str) -> Result<[i64; 4], ConfigError> {
    let depths = reader.integers(key)?;
    if is_chosen(reader)? && depths.iter().any(|depth| *depth < 1) {
        return Err(reader.fail(key, "four integers of 1 or more"));
    }
    Ok(depths)
}

fn num_heads(reader: &Reader<'_>, key: &str) -> Result<[i64; 4], ConfigError> {
    let num_heads = reader.integers(key)?;
    let embed_dim: i64 = reader.positive("MODEL.SWIN.EMBED_DIM")?;
    let divides = |(stage, heads): (usize, &i64)| {
        *heads >= 1 && embed_dim.checked_shl(stage as u32).is_some_and(|c| c % heads == 0)
    };
    if is_chosen(reader)? && !num_heads.iter().enumerate().all(divides) {
        let expected = "four integers that divide the channels of their stages \
                        (EMBED_DIM, doubled with every stage)";
        return Err(reader.fail(key, expected));
    }
    Ok(num_heads)
}

fn mlp_ratio(reader: &Reader<'_>, key: &str) -> Result<f64, ConfigError> {
    let ratio = reader.non_negative(key)?;
    let embed_dim: i64 = reader.positive("MODEL.SWIN.EMBED_DIM")?;
    if is_chosen(reader)? && (embed_dim as f64 * ratio) < 1.0 {
        return Err(reader.fail(key, "at least one hidden channel"));
    }
    Ok(ratio)
}

/// `None` also for 0.
fn qk_scale(reader: &Reader<'_>, key: &str) -> Result<Option<f64>, ConfigError> {
    Ok(reader.optional_float(key)?.filter(|scale| *scale != 0.0))
}

fn out_features(reader: &Reader<'_>, key: &str) -> Result<(), ConfigError> {
    if is_chosen(reader)? { check_out_features(reader, key) } else { Ok(()) }
}
