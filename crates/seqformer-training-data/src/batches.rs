//! The stream of batches.

use seqformer_config::Config;
use seqformer_config::config::TrainSampler;
use seqformer_data::{BatchSampler, Mixture, Shard, TrainingSet};

/// What a configuration says of batches.
#[derive(Debug, Clone)]
pub struct BatchPlan {
    /// How datasets are mixed.
    pub mixture: Mixture,
    /// Clips per batch, over all processes.
    pub num_clips: usize,
    /// Frequency of a class below which its records are repeated.
    pub repeat_threshold: Option<f64>,
    /// Batches contain only wide or only tall clips.
    pub groups_by_aspect: bool,
    /// Number of loader threads.
    pub num_workers: usize,
}

impl BatchPlan {
    /// Reads all keys about batches.
    pub fn from_config(config: &Config) -> Self {
        let (ratio, loader) = (&config.datasets.dataset_ratio, &config.dataloader);
        Self {
            mixture: if ratio.is_empty() {
                Mixture::Concatenated
            } else {
                Mixture::Weighted(ratio.clone())
            },
            num_clips: config.solver.ims_per_batch,
            repeat_threshold: (loader.sampler_train == TrainSampler::RepeatFactor)
                .then_some(loader.repeat_threshold),
            groups_by_aspect: loader.aspect_ratio_grouping,
            num_workers: loader.num_workers,
        }
    }

    /// Returns the batches of all processes together, from batch number `first` on.
    pub fn batches(&self, set: &TrainingSet, seed: u64, first: u64) -> BatchSampler {
        let mixture = self.mixture.clone();
        let batches = BatchSampler::new(set.lengths(), mixture, self.num_clips, seed, Shard::WHOLE);
        let batches = match self.repeat_threshold {
            Some(threshold) => batches.repeating(set.repeat_factors(threshold)),
            None => batches,
        };
        let batches = if self.groups_by_aspect { batches.grouped(set.is_wide()) } else { batches };
        batches.starting_at(first)
    }
}
