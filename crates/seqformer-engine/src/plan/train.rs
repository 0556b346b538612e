//! The plan of a training.

use std::path::PathBuf;

use seqformer::{HungarianMatcher, KeepLayers, RecomputedParts, SetCriterion};
use seqformer_config::Config;
use seqformer_config::config::{ImageFormat, LrScheduler, TestSection};
use seqformer_training_data::{BatchPlan, DataPlan};

use super::{NetworkPlan, results_folders};
use crate::builder;
use crate::lr_schedule::LrSchedule;
use crate::{GradClip, OptimizerConfig, PredictorOptions};

/// Everything that a training takes from its configuration.
#[derive(Debug, Clone)]
pub struct TrainPlan {
    /// Folder for logs, checkpoints and results.
    pub(crate) output_dir: PathBuf,
    /// `None` draws a new one.
    pub(crate) seed: Option<u64>,
    /// Lets cuDNN try several algorithms and use the fastest.
    pub(crate) cudnn_benchmark: bool,
    pub(crate) network: NetworkPlan,
    /// The parts with activation checkpointing.
    pub(crate) recomputed_parts: RecomputedParts,
    /// Initial weights; `None` for random ones.
    pub(crate) weights: Option<PathBuf>,
    /// Computes missing normalization statistics of a backbone from the first clips.
    pub(crate) calibrates_norm: bool,
    pub(crate) data: DataPlan,
    pub(crate) batches: BatchPlan,
    /// Order of the channels of the network's input.
    pub(crate) channels: ImageFormat,
    pub(crate) matcher: HungarianMatcher,
    pub(crate) criterion: SetCriterion,
    pub(crate) step: StepPlan,
    pub(crate) optimizer: OptimizerConfig,
    pub(crate) schedule: LrSchedule,
    pub(crate) grad_clip: Option<GradClip>,
    /// Iterations between two checkpoints.
    pub(crate) checkpoint_period: u64,
    /// Number of newest periodic checkpoints that are kept; 0 for all.
    pub(crate) keep_checkpoints: usize,
    /// When validations run, and which scores they must reach.
    pub(crate) test: TestSection,
    /// Options of validations.
    pub(crate) predictor: PredictorOptions,
    /// Warnings about keys beyond the end of the schedule.
    pub(crate) schedule_warnings: Vec<String>,
}

/// How the gradients of a batch are computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepPlan {
    /// The decoder layers that have losses.
    pub(crate) supervised: KeepLayers,
    /// Clips that go through the network together; 0 for all.
    pub(crate) micro_batch_size: usize,
    /// Pads every clip to the largest of its batch.
    pub(crate) pads_to_batch: bool,
    /// Computes the forward pass in reduced precision.
    pub(crate) autocast: bool,
}

impl TrainPlan {
    /// Reads all keys of a training.
    pub fn from_config(config: &Config) -> Self {
        let (section, solver) = (&config.model.seqformer, &config.solver);
        let weights = &config.model.weights;
        Self {
            output_dir: config.output_dir.clone(),
            seed: config.seed,
            cudnn_benchmark: config.cudnn_benchmark,
            network: NetworkPlan::from_config(config),
            recomputed_parts: builder::recomputed_parts(config),
            weights: (!weights.is_empty()).then(|| PathBuf::from(weights)),
            calibrates_norm: config.model.resnets.calibrate_norm,
            data: DataPlan::from_config(config),
            batches: BatchPlan::from_config(config),
            channels: config.input.format,
            matcher: builder::matcher(config),
            criterion: builder::criterion(config),
            step: StepPlan {
                supervised: if section.deep_supervision {
                    KeepLayers::All
                } else {
                    KeepLayers::Last
                },
                micro_batch_size: solver.micro_batch_size,
                pads_to_batch: config.input.pad_to_batch,
                autocast: solver.amp_enabled,
            },
            optimizer: builder::optimizer_config(config),
            schedule: builder::lr_schedule(config),
            grad_clip: builder::grad_clip(config),
            checkpoint_period: solver.checkpoint_period,
            keep_checkpoints: solver.keep_checkpoints,
            test: config.test.clone(),
            predictor: PredictorOptions::from_config(config),
            schedule_warnings: schedule_warnings(config),
        }
    }

    /// Iterations of the whole training.
    pub(crate) fn max_iter(&self) -> u64 {
        self.schedule.max_iter
    }

    /// Instance queries.
    pub(crate) fn num_queries(&self) -> usize {
        self.network.model.num_queries as usize
    }

    /// The folders for results of the datasets, as in [`super::inference_folders`].
    pub(crate) fn inference_folders(&self) -> Vec<PathBuf> {
        results_folders(&self.output_dir, &self.data.datasets.test)
    }
}

/// Keys of the schedule beyond the end of the training.
fn schedule_warnings(config: &Config) -> Vec<String> {
    let solver = &config.solver;
    let mut warnings = Vec::new();
    let late: Vec<u64> = solver.steps.iter().copied().filter(|&s| s > solver.max_iter).collect();
    if solver.lr_scheduler == LrScheduler::WarmupMultiStep && !late.is_empty() {
        warnings.push(format!(
            "SOLVER.STEPS {late:?} lie beyond SOLVER.MAX_ITER {} and are ignored",
            solver.max_iter
        ));
    }
    if solver.warmup_iters >= solver.max_iter && solver.warmup_factor < 1.0 {
        let last = solver.base_lr * builder::lr_schedule(config).multiplier(solver.max_iter - 1);
        warnings.push(format!(
            "SOLVER.WARMUP_ITERS {} is not below SOLVER.MAX_ITER {}: the training ends in its warm-up, at a learning \
             rate of {last:.2e}, and never reaches SOLVER.BASE_LR {:.2e}; lower WARMUP_ITERS",
            solver.warmup_iters, solver.max_iter, solver.base_lr
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use seqformer_config::CfgNode;

    use super::*;

    #[test]
    fn late_steps_are_reported_where_the_schedule_has_steps() {
        let warnings = |scheduler: &str| {
            let recipe = concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/base_ytvis.yaml");
            let mut node = CfgNode::defaults();
            node.merge_from_file(Path::new(recipe)).unwrap();
            let pairs = ["SOLVER.MAX_ITER", "2000", "SOLVER.STEPS", "[1500, 3000]"];
            let pairs = [&pairs[..], &["SOLVER.LR_SCHEDULER_NAME", scheduler]].concat();
            node.merge_from_list(&pairs.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
                .unwrap();
            schedule_warnings(&Config::try_from(&node).unwrap())
        };
        let expected = "SOLVER.STEPS [3000] lie beyond SOLVER.MAX_ITER 2000 and are ignored";
        assert_eq!(warnings("WarmupMultiStepLR"), [expected]);
        assert_eq!(warnings("WarmupCosineLR"), [""; 0]);
    }
}
