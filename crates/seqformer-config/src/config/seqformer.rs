//! `MODEL.SeqFormer`: transformer, losses and results.

use super::choice::choice;
use super::read::Reader;
use super::section::section;
use crate::ConfigError;
use crate::spec::Shown::{self, By};
use crate::spec::tests_in::{BUILDER, CONFIG, FRONT_DOOR, GOLDEN_TRAIN, PREDICTOR};

/// The sizes of the network.
const SIZES: Shown =
    By("seqformer/tests/it/golden_forward.rs", "every_intermediate_agrees_with_the_reference");
const WEIGHTS: Shown =
    By("seqformer/src/criterion/tests.rs", "losses_are_divided_by_the_instances_and_weighted");
const COSTS: Shown = By("seqformer/src/matcher/tests.rs", "each_cost_is_the_formula");
const CLIPS: Shown = By(PREDICTOR, "clips_give_the_results_of_the_reference_pixel_by_pixel");

section! {
    /// `MODEL.SeqFormer`.
    pub struct SeqFormerSection {
        num_classes: i64 = "MODEL.SeqFormer.NUM_CLASSES" or "80", Reader::positive,
            "Number of classes: 40 for YouTube-VIS, 25 for OVIS.",
            By(FRONT_DOOR, "a_dataset_of_the_user_needs_its_file_and_its_type_alone");
        mask_weight: f64 = "MODEL.SeqFormer.MASK_WEIGHT" or "2.0", Reader::non_negative,
            "Weight of the focal loss of the masks.", WEIGHTS;
        dice_weight: f64 = "MODEL.SeqFormer.DICE_WEIGHT" or "5.0", Reader::non_negative,
            "Weight of the dice loss of the masks.", WEIGHTS;
        giou_weight: f64 = "MODEL.SeqFormer.GIOU_WEIGHT" or "2.0", Reader::non_negative,
            "Weight of the generalised IoU loss of the boxes.", WEIGHTS;
        l1_weight: f64 = "MODEL.SeqFormer.L1_WEIGHT" or "5.0", Reader::non_negative,
            "Weight of the L1 loss of the boxes.", WEIGHTS;
        class_weight: f64 = "MODEL.SeqFormer.CLASS_WEIGHT" or "2.0", Reader::non_negative,
            "Weight of the focal loss of the classes.", WEIGHTS;
        deep_supervision: bool = "MODEL.SeqFormer.DEEP_SUPERVISION" or "True", Reader::bool,
            "Losses after every decoder layer, not only after the last.",
            By(GOLDEN_TRAIN, "the_last_layer_alone_has_the_same_losses");
        mask_stride: i64 = "MODEL.SeqFormer.MASK_STRIDE" or "4", mask_stride,
            "Stride of the predicted masks in pixels; must be 4.",
            By(CONFIG, "wrong_settings_are_errors_that_name_the_key");
        focal_alpha: f64 = "MODEL.SeqFormer.FOCAL_ALPHA" or "0.25", Reader::float,
            "Alpha of the focal loss of the classes.",
            By("seqformer/src/losses.rs", "focal_loss_is_its_formula_and_stays_finite");
        set_cost_class: f64 = "MODEL.SeqFormer.SET_COST_CLASS" or "2", Reader::non_negative,
            "Cost of the class in the matcher.", COSTS;
        set_cost_box: f64 = "MODEL.SeqFormer.SET_COST_BOX" or "5", Reader::non_negative,
            "Cost of the box distance in the matcher.", COSTS;
        set_cost_giou: f64 = "MODEL.SeqFormer.SET_COST_GIOU" or "2", Reader::non_negative,
            "Cost of the generalised IoU in the matcher.", COSTS;
        num_heads: i64 = "MODEL.SeqFormer.NHEADS" or "8", Reader::positive,
            "Attention heads of the transformer.", SIZES;
        dropout: f64 = "MODEL.SeqFormer.DROPOUT" or "0.1", Reader::rate,
            "Dropout of the transformer.",
            By("seqformer-ops/tests/seeded_dropout.rs", "linear_layers_drop_what_dropout_drops");
        dim_feedforward: i64 = "MODEL.SeqFormer.DIM_FEEDFORWARD" or "1024", Reader::positive,
            "Hidden channels of the feed-forward layers.", SIZES;
        enc_layers: i64 = "MODEL.SeqFormer.ENC_LAYERS" or "6", Reader::positive,
            "Encoder layers.", SIZES;
        dec_layers: i64 = "MODEL.SeqFormer.DEC_LAYERS" or "6", Reader::positive,
            "Decoder layers.", SIZES;
        hidden_dim: i64 = "MODEL.SeqFormer.HIDDEN_DIM" or "256", hidden_dim,
            "Channels of the transformer; a multiple of 32 and of NHEADS.", SIZES;
        num_queries: i64 = "MODEL.SeqFormer.NUM_OBJECT_QUERIES" or "300", Reader::positive,
            "Instance queries.", SIZES;
        query_groups: i64 = "MODEL.SeqFormer.QUERY_GROUPS" or "1", Reader::positive,
            "Groups of NUM_OBJECT_QUERIES queries each in training. Every group finds all instances by itself, so that \
             the network sees more matched queries per clip; prediction uses the first group alone. 1 is the reference.",
            By("seqformer/src/detector/training/tests.rs", "groups_learn_apart_and_predictions_have_the_first_alone");
        dec_num_points: i64 = "MODEL.SeqFormer.DEC_N_POINTS" or "4", Reader::positive,
            "Sampling points per head and level in the decoder.", SIZES;
        enc_num_points: i64 = "MODEL.SeqFormer.ENC_N_POINTS" or "4", Reader::positive,
            "Sampling points per head and level in the encoder.", SIZES;
        num_feature_levels: i64 = "MODEL.SeqFormer.NUM_FEATURE_LEVELS" or "4", num_feature_levels,
            "Feature levels; must be 4.", By(CONFIG, "wrong_settings_are_errors_that_name_the_key");
        drop_absent: bool = "MODEL.SeqFormer.DROP_ABSENT" or "False", Reader::bool,
            "Leaves out instances that no frame of a clip shows; the reference trains on them as class 0.",
            By("seqformer-engine/src/collate/tests.rs", "instances_that_no_frame_shows_can_be_dropped");
        multi_cls_on: bool = "MODEL.SeqFormer.MULTI_CLS_ON" or "True", Reader::bool,
            "One result for each class above APPLY_CLS_THRES, not only for the best class.",
            By(BUILDER, "the_threshold_counts_only_with_several_classes");
        apply_cls_thres: f64 = "MODEL.SeqFormer.APPLY_CLS_THRES" or "0.05", Reader::float,
            "Threshold of MULTI_CLS_ON; scores must be above it.",
            By(BUILDER, "the_threshold_counts_only_with_several_classes");
        result_rule: ResultRule = "MODEL.SeqFormer.RESULT_RULE" or "'vnext'", result_rule,
            "How the results of a video are selected: vnext takes the 10 best queries with all classes above \
             APPLY_CLS_THRES and enlarges masks in two steps; original, with which the published numbers were made, \
             takes the 10 best pairs of query and class, enlarges masks in one step, and omits instances without a \
             pixel.",
            By("seqformer-engine/src/predictor/original/tests.rs", "results_equal_those_of_plain_tensor_operations");
        clip_matching: bool = "MODEL.SeqFormer.CLIP_MATCHING" or "False", Reader::bool,
            "Infers overlapping clips and joins them, not the whole video at once.", CLIPS;
        clip_length: usize = "MODEL.SeqFormer.CLIP_LENGTH" or "5", Reader::positive,
            "Frames of a clip of CLIP_MATCHING.", CLIPS;
        clip_stride: usize = "MODEL.SeqFormer.CLIP_STRIDE" or "1", Reader::positive,
            "Frames between the starts of two clips of CLIP_MATCHING.", CLIPS;
    }
}

choice! {
    /// `MODEL.SeqFormer.RESULT_RULE`.
    #[derive(Default)]
    pub enum ResultRule {
        /// `vnext`: the best queries with all their classes above a threshold; masks are enlarged to the network's
        /// input, and then the nearest pixels are taken.
        #[default]
        VNext = "vnext",
        /// `original`: the best pairs of query and class; masks are enlarged to the video's size in one step, and
        /// instances without a pixel are omitted.
        Original = "original",
    }
}

fn result_rule(reader: &Reader<'_>, key: &str) -> Result<ResultRule, ConfigError> {
    let rule = reader.choice(key)?;
    if rule == ResultRule::Original && reader.bool("MODEL.SeqFormer.CLIP_MATCHING")? {
        let why = "the rule of the original repository is for whole videos; write vnext, or CLIP_MATCHING False";
        return Err(reader.fail_hint(key, "'vnext' with CLIP_MATCHING True", why));
    }
    Ok(rule)
}

fn mask_stride(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    let stride = reader.positive(key)?;
    if stride != 4 {
        let why = "the mask head predicts at a quarter of the input size; write 4";
        return Err(reader.fail_hint(key, "4", why));
    }
    Ok(stride)
}

fn hidden_dim(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    let channels: i64 = reader.positive(key)?;
    let num_heads: i64 = reader.positive("MODEL.SeqFormer.NHEADS")?;
    if channels % num_heads != 0 || channels % 32 != 0 {
        let expected = format!("a multiple of 32 and of NHEADS, {num_heads}");
        return Err(reader.fail(key, &expected));
    }
    Ok(channels)
}

fn num_feature_levels(reader: &Reader<'_>, key: &str) -> Result<i64, ConfigError> {
    let levels = reader.positive(key)?;
    if levels != 4 {
        let why = "the mask head reads the finest three of four levels; write 4";
        return Err(reader.fail_hint(key, "4", why));
    }
    Ok(levels)
}
