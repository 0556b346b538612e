//! `SOLVER`: optimisation.

use super::choice::{Choice as _, choice};
use super::clip_gradients::ClipGradientsSection;
use super::read::Reader;
use super::section::section;
use crate::spec::Shown::{self, By};
use crate::spec::tests_in::{GOLDEN_TRAIN, LR_SCHEDULE, OPTIMIZER, SAMPLER, TRAIN};
use crate::{ConfigError, Value};

const RATES: Shown = By(OPTIMIZER, "rates_go_by_the_name_of_the_parameter");
const SCHEDULE: Shown = By(LR_SCHEDULE, "steps_and_warmup_give_the_values_of_detectron2");

section! {
    /// `SOLVER`.
    pub struct SolverSection {
        optimizer: Optimizer = "SOLVER.OPTIMIZER" or "'ADAMW'", Reader::choice,
            "Optimizer: ADAMW or SGD.", By(OPTIMIZER, "sgd_follows_its_formula");
        lr_scheduler: LrScheduler = "SOLVER.LR_SCHEDULER_NAME" or "'WarmupMultiStepLR'", Reader::choice,
            "Schedule: WarmupMultiStepLR or WarmupCosineLR.",
            By(LR_SCHEDULE, "a_cosine_falls_from_the_whole_rate_to_its_end");
        max_iter: u64 = "SOLVER.MAX_ITER" or "40000", Reader::positive,
            "Iterations of the whole training.", SCHEDULE;
        base_lr: f64 = "SOLVER.BASE_LR" or "0.001", Reader::above_zero,
            "Learning rate.", RATES;
        base_lr_end: f64 = "SOLVER.BASE_LR_END" or "0.0", Reader::non_negative,
            "Last learning rate of WarmupCosineLR.",
            By(LR_SCHEDULE, "a_cosine_falls_from_the_whole_rate_to_its_end");
        backbone_multiplier: f64 = "SOLVER.BACKBONE_MULTIPLIER" or "0.1", Reader::non_negative,
            "Factor of the learning rate of the backbone.", RATES;
        momentum: f64 = "SOLVER.MOMENTUM" or "0.9", Reader::non_negative,
            "Momentum of SGD.", By(OPTIMIZER, "sgd_follows_its_formula");
        weight_decay: f64 = "SOLVER.WEIGHT_DECAY" or "0.0001", Reader::non_negative,
            "Weight decay of all parameters.",
            By("seqformer-engine/tests/it/golden_optimizer.rs", "five_steps_give_the_parameters_of_the_reference");
        gamma: f64 = "SOLVER.GAMMA" or "0.1", Reader::non_negative,
            "Factor of the learning rate at each of STEPS.", SCHEDULE;
        steps: Vec<u64> = "SOLVER.STEPS" or "(30000,)", steps,
            "Iterations after which the learning rate drops.", SCHEDULE;
        warmup_factor: f64 = "SOLVER.WARMUP_FACTOR" or "0.001", Reader::non_negative,
            "Share of the learning rate at the start of the warm-up.", SCHEDULE;
        warmup_iters: u64 = "SOLVER.WARMUP_ITERS" or "1000", Reader::count,
            "Iterations of the warm-up.", SCHEDULE;
        warmup_method: WarmupMethod = "SOLVER.WARMUP_METHOD" or "'linear'", Reader::choice,
            "Course of the warm-up: linear or constant.", SCHEDULE;
        checkpoint_period: u64 = "SOLVER.CHECKPOINT_PERIOD" or "5000", Reader::positive,
            "Iterations between two checkpoints.",
            By(TRAIN, "a_run_that_is_killed_again_and_again_ends_in_the_same_weights");
        keep_checkpoints: usize = "SOLVER.KEEP_CHECKPOINTS" or "0", Reader::count,
            "How many of the newest periodic checkpoints stay on disk; 0 keeps all.",
            By("seqformer-engine/src/checkpointer/tests.rs", "the_newest_few_stay_and_the_marker_names_the_last");
        ims_per_batch: usize = "SOLVER.IMS_PER_BATCH" or "16", Reader::positive,
            "Clips in a batch, over all devices.",
            By(SAMPLER, "grouped_batches_are_wide_or_not_and_lose_nobody");
        micro_batch_size: usize = "SOLVER.MICRO_BATCH_SIZE" or "0", Reader::count,
            "Clips that go through the network at once, their gradients added up; 0 for the whole batch.",
            By(TRAIN, "clips_may_go_through_the_network_one_by_one");
        activation_checkpointing: Vec<NetworkPart> = "SOLVER.ACTIVATION_CHECKPOINTING" or "()", network_parts,
            "Parts of which training keeps only the inputs of each layer, to run it again for the gradients: \
             backbone, encoder, decoder. Needs less memory and more time, and changes no number.",
            By(GOLDEN_TRAIN, "layers_that_are_run_again_give_the_same_gradients");
        reference_world_size: usize = "SOLVER.REFERENCE_WORLD_SIZE" or "0", Reader::count,
            "Number of devices that the other settings are meant for; 0 does not adapt them.",
            By("seqformer-config/src/node/world_size.rs", "twice_the_devices_do_half_the_iterations");
        clip_gradients: ClipGradientsSection = "SOLVER.CLIP_GRADIENTS", "The limit on gradients.";
        sampling_multiplier: f64 = "SOLVER.SAMPLING_MULTIPLIER" or "1.0", Reader::non_negative,
            "Factor of the learning rate of sampling offsets and reference points; 0.1 in the original repository.",
            RATES;
        amp_enabled: bool = "SOLVER.AMP.ENABLED" or "False", Reader::bool,
            "Trains in mixed precision: products and convolutions in bf16. On a processor that multiplies bf16 slower than f32 the training says so and computes in f32.",
            By(GOLDEN_TRAIN, "mixed_precision_stays_near_and_every_parameter_gets_a_gradient");
    }
}

choice! {
    /// `SOLVER.OPTIMIZER`.
    pub enum Optimizer {
        /// `ADAMW`.
        AdamW = "ADAMW",
        /// `SGD`.
        Sgd = "SGD",
    }
}

choice! {
    /// One of `SOLVER.ACTIVATION_CHECKPOINTING`.
    pub enum NetworkPart {
        /// `backbone`.
        Backbone = "backbone",
        /// `encoder`.
        Encoder = "encoder",
        /// `decoder`.
        Decoder = "decoder",
    }
}

choice! {
    /// `SOLVER.LR_SCHEDULER_NAME`.
    pub enum LrScheduler {
        /// `WarmupMultiStepLR`.
        WarmupMultiStep = "WarmupMultiStepLR",
        /// `WarmupCosineLR`.
        WarmupCosine = "WarmupCosineLR",
    }
}

choice! {
    /// `SOLVER.WARMUP_METHOD`: how the learning rate rises in the beginning.
    pub enum WarmupMethod {
        /// `linear`: along a line.
        Linear = "linear",
        /// `constant`: not at all, until the warm-up is over.
        Constant = "constant",
    }
}

/// Increasing, and none of them the last iteration.
fn steps(reader: &Reader<'_>, key: &str) -> Result<Vec<u64>, ConfigError> {
    let fail = || reader.fail(key, "strictly increasing integers above 0");
    let steps: Option<Vec<u64>> =
        reader.ints(key)?.into_iter().map(|step| u64::try_from(step).ok()).collect();
    let steps = steps.ok_or_else(fail)?;
    if steps.first() == Some(&0) || !steps.is_sorted_by(|a, b| a < b) {
        return Err(fail());
    }
    let max_iter = reader.positive("SOLVER.MAX_ITER")?;
    if steps.contains(&max_iter) {
        return Err(reader.fail(key, &format!("no step equal to SOLVER.MAX_ITER, {max_iter}")));
    }
    Ok(steps)
}

fn network_parts(reader: &Reader<'_>, key: &str) -> Result<Vec<NetworkPart>, ConfigError> {
    reader.list(key, "a list of backbone, encoder and decoder", |value| match value {
        Value::Str(name) => NetworkPart::named(name),
        _ => None,
    })
}
