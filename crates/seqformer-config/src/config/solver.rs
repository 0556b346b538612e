//! `SOLVER`: optimisation.

use super::read::Reader;
use crate::{ConfigError, Value};

/// `SOLVER`.
#[derive(Debug, Clone, PartialEq)]
pub struct SolverSection {
    /// `OPTIMIZER`.
    pub optimizer: Optimizer,
    /// `BASE_LR`: learning rate.
    pub base_lr: f64,
    /// `BASE_LR_END`: last learning rate of the cosine schedule.
    pub base_lr_end: f64,
    /// `BACKBONE_MULTIPLIER` of the learning rate of the backbone.
    pub backbone_multiplier: f64,
    /// `WEIGHT_DECAY`, for all parameters.
    pub weight_decay: f64,
    /// `MOMENTUM` of SGD.
    pub momentum: f64,
    /// `IMS_PER_BATCH`: clips in a batch, over all devices.
    pub ims_per_batch: usize,
    /// `MAX_ITER`: iterations of the whole training.
    pub max_iter: u64,
    /// `STEPS`: iterations after which the learning rate drops; increasing, none equals `max_iter`.
    pub steps: Vec<u64>,
    /// `GAMMA`: factor of each drop.
    pub gamma: f64,
    /// `LR_SCHEDULER_NAME`.
    pub lr_scheduler: LrScheduler,
    /// `WARMUP_FACTOR`: share of the learning rate at the start.
    pub warmup_factor: f64,
    /// `WARMUP_ITERS`.
    pub warmup_iters: u64,
    /// `WARMUP_METHOD`.
    pub warmup_method: WarmupMethod,
    /// `CLIP_GRADIENTS`.
    pub clip_gradients: ClipGradientsSection,
    /// `CHECKPOINT_PERIOD` in iterations.
    pub checkpoint_period: u64,
    /// `KEEP_CHECKPOINTS`: newest periodic checkpoints that stay; 0 for all.
    pub keep_checkpoints: usize,
    /// `MICRO_BATCH_SIZE`: clips that go through the network at once; 0 for the whole batch.
    pub micro_batch_size: usize,
    /// `ACTIVATION_CHECKPOINTING`: parts of which only the inputs of each layer are kept.
    pub activation_checkpointing: Vec<NetworkPart>,
    /// `SAMPLING_MULTIPLIER` of the learning rate of sampling offsets and reference points.
    pub sampling_multiplier: f64,
    /// `REFERENCE_WORLD_SIZE`: number of devices that the other settings are meant for; 0 for any.
    pub reference_world_size: usize,
    /// `AMP.ENABLED`: mixed precision.
    pub amp_enabled: bool,
}

/// `SOLVER.CLIP_GRADIENTS`.
#[derive(Debug, Clone, PartialEq)]
pub struct ClipGradientsSection {
    /// `ENABLED`.
    pub enabled: bool,
    /// `CLIP_TYPE`.
    pub clip_type: ClipType,
    /// `CLIP_VALUE`.
    pub clip_value: f64,
    /// `NORM_TYPE`: the p of the norm of `ClipType::Norm`; may be infinite.
    pub norm_type: f64,
}

/// `SOLVER.CLIP_GRADIENTS.CLIP_TYPE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipType {
    /// `full_model`: the 2-norm over all parameters.
    FullModel,
    /// `value`: each element.
    Value,
    /// `norm`: the norm of each parameter.
    Norm,
}

/// `SOLVER.OPTIMIZER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimizer {
    /// `ADAMW`.
    AdamW,
    /// `SGD`.
    Sgd,
}

/// One of `SOLVER.ACTIVATION_CHECKPOINTING`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkPart {
    /// `backbone`.
    Backbone,
    /// `encoder`.
    Encoder,
    /// `decoder`.
    Decoder,
}

impl NetworkPart {
    fn named(value: &Value) -> Option<Self> {
        match value {
            Value::Str(name) => match name.as_str() {
                "backbone" => Some(Self::Backbone),
                "encoder" => Some(Self::Encoder),
                "decoder" => Some(Self::Decoder),
                _ => None,
            },
            _ => None,
        }
    }
}

/// `SOLVER.LR_SCHEDULER_NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LrScheduler {
    /// `WarmupMultiStepLR`.
    WarmupMultiStep,
    /// `WarmupCosineLR`.
    WarmupCosine,
}

/// `SOLVER.WARMUP_METHOD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarmupMethod {
    /// `linear`.
    Linear,
    /// `constant`.
    Constant,
}

impl SolverSection {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        let optimizers = [("ADAMW", Optimizer::AdamW), ("SGD", Optimizer::Sgd)];
        let schedulers = [
            ("WarmupMultiStepLR", LrScheduler::WarmupMultiStep),
            ("WarmupCosineLR", LrScheduler::WarmupCosine),
        ];
        let methods = [("linear", WarmupMethod::Linear), ("constant", WarmupMethod::Constant)];
        let max_iter = reader.positive("SOLVER.MAX_ITER")?;
        Ok(Self {
            optimizer: reader.choice("SOLVER.OPTIMIZER", &optimizers)?,
            base_lr: read_base_lr(reader)?,
            base_lr_end: reader.non_negative("SOLVER.BASE_LR_END")?,
            backbone_multiplier: reader.non_negative("SOLVER.BACKBONE_MULTIPLIER")?,
            weight_decay: reader.non_negative("SOLVER.WEIGHT_DECAY")?,
            momentum: reader.non_negative("SOLVER.MOMENTUM")?,
            ims_per_batch: reader.positive("SOLVER.IMS_PER_BATCH")?,
            max_iter,
            steps: read_steps(reader, max_iter)?,
            gamma: reader.non_negative("SOLVER.GAMMA")?,
            lr_scheduler: reader.choice("SOLVER.LR_SCHEDULER_NAME", &schedulers)?,
            warmup_factor: reader.non_negative("SOLVER.WARMUP_FACTOR")?,
            warmup_iters: reader.at_least("SOLVER.WARMUP_ITERS", 0)?,
            warmup_method: reader.choice("SOLVER.WARMUP_METHOD", &methods)?,
            clip_gradients: ClipGradientsSection::read(reader)?,
            checkpoint_period: reader.positive("SOLVER.CHECKPOINT_PERIOD")?,
            keep_checkpoints: reader.at_least("SOLVER.KEEP_CHECKPOINTS", 0)?,
            micro_batch_size: reader.at_least("SOLVER.MICRO_BATCH_SIZE", 0)?,
            activation_checkpointing: reader.list(
                "SOLVER.ACTIVATION_CHECKPOINTING",
                "a list of backbone, encoder and decoder",
                NetworkPart::named,
            )?,
            sampling_multiplier: reader.non_negative("SOLVER.SAMPLING_MULTIPLIER")?,
            reference_world_size: reader.at_least("SOLVER.REFERENCE_WORLD_SIZE", 0)?,
            amp_enabled: reader.bool("SOLVER.AMP.ENABLED")?,
        })
    }
}

fn read_base_lr(reader: &Reader<'_>) -> Result<f64, ConfigError> {
    let base_lr = reader.float("SOLVER.BASE_LR")?;
    if base_lr > 0.0 { Ok(base_lr) } else { Err(reader.fail("SOLVER.BASE_LR", "a number above 0")) }
}

fn read_steps(reader: &Reader<'_>, max_iter: u64) -> Result<Vec<u64>, ConfigError> {
    const KEY: &str = "SOLVER.STEPS";
    let fail = || reader.fail(KEY, "strictly increasing integers above 0");
    let steps: Option<Vec<u64>> =
        reader.ints(KEY)?.into_iter().map(|step| u64::try_from(step).ok()).collect();
    let steps = steps.ok_or_else(fail)?;
    if steps.first() == Some(&0) || !steps.is_sorted_by(|a, b| a < b) {
        return Err(fail());
    }
    if steps.contains(&max_iter) {
        return Err(reader.fail(KEY, &format!("no step equal to SOLVER.MAX_ITER, {max_iter}")));
    }
    Ok(steps)
}

impl ClipGradientsSection {
    fn read(reader: &Reader<'_>) -> Result<Self, ConfigError> {
        const NORM_TYPE: &str = "SOLVER.CLIP_GRADIENTS.NORM_TYPE";
        let types = [
            ("full_model", ClipType::FullModel),
            ("value", ClipType::Value),
            ("norm", ClipType::Norm),
        ];
        let norm_type = reader.float_or_infinity(NORM_TYPE)?;
        if norm_type <= 0.0 {
            return Err(reader.fail(NORM_TYPE, "a number above 0"));
        }
        Ok(Self {
            enabled: reader.bool("SOLVER.CLIP_GRADIENTS.ENABLED")?,
            clip_type: reader.choice("SOLVER.CLIP_GRADIENTS.CLIP_TYPE", &types)?,
            clip_value: reader.non_negative("SOLVER.CLIP_GRADIENTS.CLIP_VALUE")?,
            norm_type,
        })
    }
}
