//! Converts a configuration to typed arguments, key by key. [`crate::PredictPlan`] and [`crate::TrainPlan`] gather
//! them; nothing else in this crate reads a key.

use seqformer::config::{BackboneConfig, ResNetConfig, SwinConfig, TransformerConfig};
use seqformer::inference::SelectionRule;
use seqformer::{
    HungarianMatcher, LossWeights, Precision, RecomputedParts, SeqFormerConfig, SetCriterion,
};
use seqformer_checkpoint::key_map::InputConvention;
use seqformer_config::Config;
use seqformer_config::config::{
    self, BackboneName, ClipType, ImageFormat, LrScheduler, NetworkPart, ResultRule,
};

use crate::lr_schedule::{Decay, LrSchedule, Warmup};
use crate::{ClipOptions, GradClip, OptimizerConfig, OptimizerKind, PredictorOptions};

/// Maximum number of queries, or of pairs of query and class, that become results, as in both references.
pub const MAX_QUERIES: i64 = 10;

/// The network described by `MODEL`.
pub fn model_config(config: &Config) -> SeqFormerConfig {
    let model = &config.model;
    let section = &model.seqformer;
    let backbone = match model.backbone.name {
        BackboneName::ResNet => BackboneConfig::ResNet(ResNetConfig {
            depth: model.resnets.depth,
            stem_out_channels: model.resnets.stem_out_channels,
            res2_out_channels: model.resnets.res2_out_channels,
            num_groups: model.resnets.num_groups,
            width_per_group: model.resnets.width_per_group,
            stride_in_1x1: model.resnets.stride_in_1x1,
            res5_dilation: model.resnets.res5_dilation,
            freeze_at: model.backbone.freeze_at,
        }),
        BackboneName::Swin => BackboneConfig::Swin(SwinConfig {
            pretrain_image_size: model.swin.pretrain_img_size,
            embed_dim: model.swin.embed_dim,
            depths: model.swin.depths,
            num_heads: model.swin.num_heads,
            window_size: model.swin.window_size,
            mlp_ratio: model.swin.mlp_ratio,
            qkv_bias: model.swin.qkv_bias,
            qk_scale: model.swin.qk_scale,
            dropout: model.swin.drop_rate,
            attention_dropout: model.swin.attn_drop_rate,
            drop_path: model.swin.drop_path_rate,
            absolute_position_embedding: model.swin.ape,
            patch_norm: model.swin.patch_norm,
        }),
    };
    SeqFormerConfig {
        pixel_mean: model.pixel_mean,
        pixel_std: model.pixel_std,
        backbone,
        transformer: TransformerConfig {
            hidden_dim: section.hidden_dim,
            num_heads: section.num_heads,
            num_encoder_layers: section.enc_layers,
            num_decoder_layers: section.dec_layers,
            feedforward_dim: section.dim_feedforward,
            dropout: section.dropout,
            num_encoder_points: section.enc_num_points,
            num_decoder_points: section.dec_num_points,
        },
        num_classes: section.num_classes,
        num_queries: section.num_queries,
        query_groups: section.query_groups,
    }
}

/// The parts with activation checkpointing: `SOLVER.ACTIVATION_CHECKPOINTING`, and `MODEL.SWIN.USE_CHECKPOINT` for its
/// backbone.
pub fn recomputed_parts(config: &Config) -> RecomputedParts {
    let has = |part| config.solver.activation_checkpointing.contains(&part);
    let swin = config.model.backbone.name == BackboneName::Swin && config.model.swin.use_checkpoint;
    RecomputedParts {
        backbone: has(NetworkPart::Backbone) || swin,
        encoder: has(NetworkPart::Encoder),
        decoder: has(NetworkPart::Decoder),
    }
}

/// The network's input convention, for warnings about weights that expect another.
pub fn input_convention(config: &Config) -> InputConvention {
    InputConvention {
        pixel_std: config.model.pixel_std,
        is_bgr: config.input.format == ImageFormat::Bgr,
        stride_in_1x1: config.model.resnets.stride_in_1x1,
    }
}

/// How results are selected: `MODEL.SeqFormer.MULTI_CLS_ON` and `APPLY_CLS_THRES`, which the rule of the original
/// repository ignores.
pub fn selection_rule(config: &Config) -> SelectionRule {
    let section = &config.model.seqformer;
    let has_threshold = section.multi_cls_on && section.result_rule == ResultRule::VNext;
    SelectionRule {
        max_queries: MAX_QUERIES,
        class_threshold: has_threshold.then_some(section.apply_cls_thres),
    }
}

/// How long videos are split: `MODEL.SeqFormer.CLIP_MATCHING`, `CLIP_LENGTH` and `CLIP_STRIDE`.
pub fn clip_options(config: &Config) -> Option<ClipOptions> {
    let section = &config.model.seqformer;
    section.clip_matching.then_some(ClipOptions::new(section.clip_length, section.clip_stride))
}

impl PredictorOptions {
    /// The options in the configuration.
    pub fn from_config(config: &Config) -> Self {
        Self {
            short_edge: config.input.min_size_test,
            max_size: config.input.max_size_test,
            channels: config.input.format,
            results: config.model.seqformer.result_rule,
            rule: selection_rule(config),
            clips: clip_options(config),
            precision: Precision::F32,
            max_memory: None,
        }
    }
}

/// How queries are matched with instances: `MODEL.SeqFormer.SET_COST_*`.
pub fn matcher(config: &Config) -> HungarianMatcher {
    let section = &config.model.seqformer;
    HungarianMatcher {
        cost_class: section.set_cost_class,
        cost_box: section.set_cost_box,
        cost_giou: section.set_cost_giou,
    }
}

/// The losses: `MODEL.SeqFormer.*_WEIGHT` and `FOCAL_ALPHA`.
pub fn criterion(config: &Config) -> SetCriterion {
    let section = &config.model.seqformer;
    SetCriterion {
        weights: LossWeights {
            class: section.class_weight,
            l1: section.l1_weight,
            giou: section.giou_weight,
            mask: section.mask_weight,
            dice: section.dice_weight,
        },
        focal_alpha: section.focal_alpha,
    }
}

/// The optimizer of `SOLVER`.
pub fn optimizer_config(config: &Config) -> OptimizerConfig {
    let solver = &config.solver;
    OptimizerConfig {
        kind: match solver.optimizer {
            config::Optimizer::AdamW => OptimizerKind::ADAMW,
            config::Optimizer::Sgd => OptimizerKind::Sgd { momentum: solver.momentum },
        },
        base_lr: solver.base_lr,
        backbone_multiplier: solver.backbone_multiplier,
        sampling_multiplier: solver.sampling_multiplier,
        weight_decay: solver.weight_decay,
    }
}

/// Gradient clipping: `SOLVER.CLIP_GRADIENTS`.
pub fn grad_clip(config: &Config) -> Option<GradClip> {
    let section = &config.solver.clip_gradients;
    let limit = section.clip_value;
    match section.clip_type {
        _ if !section.enabled => None,
        // As in the reference, a limit of zero on the whole model disables clipping.
        ClipType::FullModel => (limit > 0.0).then_some(GradClip::FullModel(limit)),
        ClipType::Value => Some(GradClip::Value(limit)),
        ClipType::Norm => Some(GradClip::Norm { max_norm: limit, norm_type: section.norm_type }),
    }
}

/// The learning rate schedule: `SOLVER.LR_SCHEDULER_NAME`, `STEPS`, `GAMMA` and `WARMUP_*`.
pub(crate) fn lr_schedule(config: &Config) -> LrSchedule {
    let solver = &config.solver;
    let decay = match solver.lr_scheduler {
        LrScheduler::WarmupMultiStep => {
            let steps = solver.steps.iter().copied().filter(|&step| step <= solver.max_iter);
            let steps = steps.collect();
            Decay::MultiStep { steps, gamma: solver.gamma }
        }
        LrScheduler::WarmupCosine => Decay::Cosine { end: solver.base_lr_end / solver.base_lr },
    };
    let warmup = Warmup {
        iters: solver.warmup_iters,
        factor: solver.warmup_factor,
        method: solver.warmup_method,
    };
    LrSchedule { warmup, decay, max_iter: solver.max_iter }
}

#[cfg(test)]
mod tests;
