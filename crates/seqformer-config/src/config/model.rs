//! `MODEL`: the network.

use super::backbone::{BackboneName, BackboneSection, ResNetsSection, SwinSection};
use super::read::Reader;
use crate::ConfigError;

/// `MODEL`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSection {
    /// `DEVICE`: `"cuda"`, `"cuda:1"` or `"cpu"`.
    pub device: String,
    /// `WEIGHTS`: file with the initial weights; empty for none.
    pub weights: String,
    /// `MASK_ON`: kept for the record; masks are always predicted.
    pub mask_on: bool,
    /// `PIXEL_MEAN`, in the channel order of `INPUT.FORMAT`, for values of 0 to 255.
    pub pixel_mean: [f64; 3],
    /// `PIXEL_STD`, as `pixel_mean`; never zero.
    pub pixel_std: [f64; 3],
    /// `BACKBONE`.
    pub backbone: BackboneSection,
    /// `RESNETS`; checked if it is the backbone.
    pub resnets: ResNetsSection,
    /// `SWIN`; checked if it is the backbone.
    pub swin: SwinSection,
    /// `SeqFormer`.
    pub seqformer: SeqFormerSection,
}

/// `MODEL.SeqFormer`.
#[expect(clippy::struct_excessive_bools, reason = "these are independent switches of the file")]
#[derive(Debug, Clone, PartialEq)]
pub struct SeqFormerSection {
    /// `NUM_CLASSES`.
    pub num_classes: i64,
    /// `HIDDEN_DIM`: channels of the transformer.
    pub hidden_dim: i64,
    /// `NHEADS`: attention heads.
    pub num_heads: i64,
    /// `ENC_LAYERS`.
    pub enc_layers: i64,
    /// `DEC_LAYERS`.
    pub dec_layers: i64,
    /// `DIM_FEEDFORWARD`: hidden channels of the feed-forward layers.
    pub dim_feedforward: i64,
    /// `DROPOUT`.
    pub dropout: f64,
    /// `NUM_OBJECT_QUERIES`.
    pub num_queries: i64,
    /// `ENC_N_POINTS`: sampling points per head and level in the encoder.
    pub enc_num_points: i64,
    /// `DEC_N_POINTS`: sampling points per head and level in the decoder.
    pub dec_num_points: i64,
    /// `NUM_FEATURE_LEVELS`; always 4.
    pub num_feature_levels: i64,
    /// `MASK_WEIGHT`: weight of the mask focal loss.
    pub mask_weight: f64,
    /// `DICE_WEIGHT`.
    pub dice_weight: f64,
    /// `GIOU_WEIGHT`.
    pub giou_weight: f64,
    /// `L1_WEIGHT`.
    pub l1_weight: f64,
    /// `CLASS_WEIGHT`.
    pub class_weight: f64,
    /// `DEEP_SUPERVISION`: losses after every decoder layer, not only the last.
    pub deep_supervision: bool,
    /// `FOCAL_ALPHA` of the class loss.
    pub focal_alpha: f64,
    /// `SET_COST_CLASS` of the matcher.
    pub set_cost_class: f64,
    /// `SET_COST_BOX` of the matcher.
    pub set_cost_box: f64,
    /// `SET_COST_GIOU` of the matcher.
    pub set_cost_giou: f64,
    /// `MASK_STRIDE` of the predicted masks in pixels; always 4.
    pub mask_stride: i64,
    /// `DROP_ABSENT`: leaves out instances that no frame of the clip shows; the reference trains on them.
    pub drop_absent: bool,
    /// `MULTI_CLS_ON`: one result for each class above the threshold, not only for the best class.
    pub multi_cls_on: bool,
    /// `APPLY_CLS_THRES`: the threshold of `multi_cls_on`; scores must be above it.
    pub apply_cls_thres: f64,
    /// `RESULT_RULE`: how results are made of what the network finds in a video.
    pub result_rule: ResultRule,
    /// `CLIP_MATCHING`: infers overlapping clips and joins them, not the whole video at once.
    pub clip_matching: bool,
    /// `CLIP_LENGTH` in frames.
    pub clip_length: usize,
    /// `CLIP_STRIDE`: frames between the starts of two clips.
    pub clip_stride: usize,
}

/// `MODEL.SeqFormer.RESULT_RULE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResultRule {
    /// `vnext`: the best queries with all their classes above a threshold; masks grow to the network's input, and then
    /// the nearest pixels are taken.
    #[default]
    VNext,
    /// `original`: the best pairs of query and class; masks grow to the video's size in one step, and instances without
    /// a pixel are left out.
    Original,
}

impl ModelSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        check_architecture(reader)?;
        let backbone = BackboneSection::read(reader)?;
        let resnets = ResNetsSection::read(reader)?;
        let swin = SwinSection::read(reader)?;
        match backbone.name {
            BackboneName::ResNet => resnets.check(reader)?,
            BackboneName::Swin => swin.check(reader)?,
        }
        let (mean, std) = ("MODEL.PIXEL_MEAN", "MODEL.PIXEL_STD");
        let pixel_std: [f64; 3] = reader.array(std, reader.floats(std)?)?;
        if pixel_std.iter().any(|std| *std <= 0.0) {
            return Err(reader.fail(std, "three numbers above 0"));
        }
        let device = reader.text("MODEL.DEVICE")?;
        if !is_device(&device) {
            return Err(reader.fail("MODEL.DEVICE", r#""cuda", "cuda:0" or "cpu""#));
        }
        Ok(Self {
            device,
            weights: reader.path("MODEL.WEIGHTS")?,
            mask_on: reader.bool("MODEL.MASK_ON")?,
            pixel_mean: reader.array(mean, reader.floats(mean)?)?,
            pixel_std,
            backbone,
            resnets,
            swin,
            seqformer: SeqFormerSection::read(reader)?,
        })
    }
}

fn check_architecture(reader: &Reader<'_>) -> Result<(), ConfigError> {
    const KEY: &str = "MODEL.META_ARCHITECTURE";
    if reader.text(KEY)? == "SeqFormer" {
        return Ok(());
    }
    let hint = "write META_ARCHITECTURE: SeqFormer under MODEL, the only model of this program";
    Err(reader.fail_hint(KEY, "'SeqFormer'", hint))
}

fn is_device(name: &str) -> bool {
    let index = name.strip_prefix("cuda:");
    matches!(name, "cuda" | "cpu") || index.is_some_and(|index| index.parse::<u16>().is_ok())
}

impl SeqFormerSection {
    fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let key = |name: &str| format!("MODEL.SeqFormer.{name}");
        let size = |name: &str| reader.positive::<i64>(&key(name));
        let weight = |name: &str| reader.non_negative(&key(name));
        let section = Self {
            num_classes: size("NUM_CLASSES")?,
            hidden_dim: size("HIDDEN_DIM")?,
            num_heads: size("NHEADS")?,
            enc_layers: size("ENC_LAYERS")?,
            dec_layers: size("DEC_LAYERS")?,
            dim_feedforward: size("DIM_FEEDFORWARD")?,
            dropout: reader.rate(&key("DROPOUT"))?,
            num_queries: size("NUM_OBJECT_QUERIES")?,
            enc_num_points: size("ENC_N_POINTS")?,
            dec_num_points: size("DEC_N_POINTS")?,
            num_feature_levels: size("NUM_FEATURE_LEVELS")?,
            mask_weight: weight("MASK_WEIGHT")?,
            dice_weight: weight("DICE_WEIGHT")?,
            giou_weight: weight("GIOU_WEIGHT")?,
            l1_weight: weight("L1_WEIGHT")?,
            class_weight: weight("CLASS_WEIGHT")?,
            deep_supervision: reader.bool(&key("DEEP_SUPERVISION"))?,
            focal_alpha: reader.float(&key("FOCAL_ALPHA"))?,
            set_cost_class: weight("SET_COST_CLASS")?,
            set_cost_box: weight("SET_COST_BOX")?,
            set_cost_giou: weight("SET_COST_GIOU")?,
            mask_stride: size("MASK_STRIDE")?,
            drop_absent: reader.bool(&key("DROP_ABSENT"))?,
            multi_cls_on: reader.bool(&key("MULTI_CLS_ON"))?,
            apply_cls_thres: reader.float(&key("APPLY_CLS_THRES"))?,
            result_rule: reader.choice(
                &key("RESULT_RULE"),
                &[("vnext", ResultRule::VNext), ("original", ResultRule::Original)],
            )?,
            clip_matching: reader.bool(&key("CLIP_MATCHING"))?,
            clip_length: reader.positive(&key("CLIP_LENGTH"))?,
            clip_stride: reader.positive(&key("CLIP_STRIDE"))?,
        };
        section.check(reader)?;
        Ok(section)
    }

    fn check(&self, reader: &Reader<'_>) -> Result<(), ConfigError> {
        let key = |name: &str| format!("MODEL.SeqFormer.{name}");
        if self.num_feature_levels != 4 {
            let why = "the mask head reads the finest three of four levels; write 4";
            return Err(reader.fail_hint(&key("NUM_FEATURE_LEVELS"), "4", why));
        }
        if self.mask_stride != 4 {
            let why = "the mask head predicts at a quarter of the input size; write 4";
            return Err(reader.fail_hint(&key("MASK_STRIDE"), "4", why));
        }
        if self.clip_matching && self.result_rule == ResultRule::Original {
            let why = "the rule of the original repository is for whole videos; write vnext, or CLIP_MATCHING False";
            return Err(reader.fail_hint(
                &key("RESULT_RULE"),
                "'vnext' with CLIP_MATCHING True",
                why,
            ));
        }
        if self.hidden_dim % self.num_heads != 0 || self.hidden_dim % 32 != 0 {
            let expected = format!("a multiple of 32 and of NHEADS, {}", self.num_heads);
            return Err(reader.fail(&key("HIDDEN_DIM"), &expected));
        }
        Ok(())
    }
}
