//! A training, as its configuration says.

use std::path::PathBuf;

use seqformer::{AbsentInstances, HungarianMatcher, KeepLayers, RecomputedParts, SetCriterion};
use seqformer_config::Config;
use seqformer_config::config::{DatasetsSection, ImageFormat, TestSection};
use seqformer_data::{ClipMapper, DatasetKind, Mapper, Mixture, StillMapper, UnseenInstances};

use super::{NetworkPlan, results_folders};
use crate::builder;
use crate::lr_schedule::LrSchedule;
use crate::{GradClip, OptimizerConfig, PredictorOptions};

/// All that a training is told by its configuration.
#[derive(Debug, Clone)]
pub struct TrainPlan {
    /// Folder for logs, checkpoints and results.
    pub(crate) output_dir: PathBuf,
    /// None: a new one is drawn.
    pub(crate) seed: Option<u64>,
    /// Lets cuDNN try several algorithms and keep the fastest.
    pub(crate) cudnn_benchmark: bool,
    pub(crate) network: NetworkPlan,
    /// The parts that are run again for the gradients.
    pub(crate) recomputed_parts: RecomputedParts,
    /// Weights to begin with; none: random ones.
    pub(crate) weights: Option<PathBuf>,
    /// Takes the statistics of a backbone that has none from the first clips.
    pub(crate) calibrates_norm: bool,
    pub(crate) data: DataPlan,
    pub(crate) batches: BatchPlan,
    /// Order of the channels of the network's input.
    pub(crate) channels: ImageFormat,
    /// What becomes of instances that no frame of a clip shows.
    pub(crate) absent: AbsentInstances,
    pub(crate) matcher: HungarianMatcher,
    pub(crate) criterion: SetCriterion,
    pub(crate) step: StepPlan,
    pub(crate) optimizer: OptimizerConfig,
    pub(crate) schedule: LrSchedule,
    pub(crate) grad_clip: Option<GradClip>,
    /// Iterations between two checkpoints.
    pub(crate) checkpoint_period: u64,
    /// Newest periodic checkpoints that stay; 0 for all.
    pub(crate) keep_checkpoints: usize,
    /// When validations are made, and what is asked of their scores.
    pub(crate) test: TestSection,
    /// How validations predict.
    pub(crate) predictor: PredictorOptions,
    /// What the schedule never reaches.
    pub(crate) schedule_warnings: Vec<String>,
}

/// The data of a training.
#[derive(Debug, Clone)]
pub(crate) struct DataPlan {
    pub(crate) datasets: DatasetsSection,
    pub(crate) num_classes: usize,
    /// Skips videos without annotations.
    pub(crate) filter_empty: bool,
    /// Clips are views of images, in which nothing moves.
    pub(crate) coco_pretrain: bool,
    pub(crate) video_mapper: ClipMapper,
    pub(crate) still_mapper: StillMapper,
}

/// How the gradients of a batch are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepPlan {
    /// The decoder layers that have losses.
    pub(crate) supervised: KeepLayers,
    /// Clips whose gradients are made together; 0 for all.
    pub(crate) micro_batch_size: usize,
    /// Pads every clip to the largest of its batch.
    pub(crate) pads_to_batch: bool,
    /// Computes the forward pass in reduced precision.
    pub(crate) autocast: bool,
}

/// The stream of batches.
#[derive(Debug, Clone)]
pub(crate) struct BatchPlan {
    pub(crate) mixture: Mixture,
    /// Clips of a batch, of all processes together.
    pub(crate) num_clips: usize,
    /// Share of the records below which a class is repeated.
    pub(crate) repeat_threshold: Option<f64>,
    /// Batches hold wide clips only, or tall clips only.
    pub(crate) groups_by_aspect: bool,
    /// Loading threads.
    pub(crate) num_workers: usize,
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
            absent: if section.drop_absent {
                AbsentInstances::Drop
            } else {
                AbsentInstances::Supervise
            },
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

    /// Where results of the datasets go, as in [`super::inference_folders`].
    pub(crate) fn inference_folders(&self) -> Vec<PathBuf> {
        results_folders(&self.output_dir, &self.data.datasets.test)
    }
}

impl DataPlan {
    fn from_config(config: &Config) -> Self {
        let input = &config.input;
        let unseen = if config.model.seqformer.drop_absent {
            UnseenInstances::Drop
        } else {
            UnseenInstances::Keep
        };
        Self {
            datasets: config.datasets.clone(),
            num_classes: config.model.seqformer.num_classes as usize,
            filter_empty: config.dataloader.filter_empty_annotations,
            coco_pretrain: input.coco_pretrain,
            video_mapper: builder::clip_mapper(config, unseen),
            still_mapper: builder::still_mapper(config, unseen),
        }
    }

    /// Frames of a clip.
    pub(crate) fn num_frames(&self) -> usize {
        self.video_mapper.sampling.num_frames
    }

    /// What makes clips of the records of a dataset.
    pub(crate) fn mapper(&self, kind: DatasetKind) -> Mapper {
        match kind {
            DatasetKind::Ytvis => Mapper::Video(self.video_mapper.clone()),
            DatasetKind::Coco => Mapper::Still(self.still_mapper.clone()),
        }
    }
}

impl BatchPlan {
    fn from_config(config: &Config) -> Self {
        let ratio = &config.datasets.dataset_ratio;
        Self {
            mixture: if ratio.is_empty() {
                Mixture::Concatenated
            } else {
                Mixture::Weighted(ratio.clone())
            },
            num_clips: config.solver.ims_per_batch,
            repeat_threshold: config.dataloader.repeat_threshold,
            groups_by_aspect: config.dataloader.aspect_ratio_grouping,
            num_workers: config.dataloader.num_workers,
        }
    }
}

/// Keys of the schedule that lie beyond the training's end.
fn schedule_warnings(config: &Config) -> Vec<String> {
    let solver = &config.solver;
    let mut warnings = Vec::new();
    let late: Vec<u64> = solver.steps.iter().copied().filter(|&s| s > solver.max_iter).collect();
    if !late.is_empty() {
        warnings.push(format!(
            "SOLVER.STEPS {late:?} lie beyond SOLVER.MAX_ITER {} and are left out",
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
