//! The stream of batches.

use seqformer_data::{BatchSampler, Shard, TrainingSet};

use crate::checkpointer::Position;
use crate::plan::BatchPlan;

/// The batches of all processes together, from the position of the training.
pub(super) fn batches(plan: &BatchPlan, set: &TrainingSet, position: &Position) -> BatchSampler {
    let batches = BatchSampler::new(
        set.lengths(),
        plan.mixture.clone(),
        plan.num_clips,
        position.seed,
        Shard::WHOLE,
    );
    let batches = match plan.repeat_threshold {
        Some(threshold) => batches.repeating(set.repeat_factors(threshold)),
        None => batches,
    };
    let batches = if plan.groups_by_aspect { batches.grouped(set.is_wide()) } else { batches };
    batches.starting_at(position.batches)
}
