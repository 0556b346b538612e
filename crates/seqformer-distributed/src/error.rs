//! What can go wrong between processes.

use seqformer_libtorch::OpsError;

/// Processes cannot work together.
#[derive(Debug, thiserror::Error)]
pub enum DistributedError {
    /// Processes that work together could not go on, mostly because one of them is gone.
    #[error(
        "rank {rank} of {world_size}, {place}: {message}{}{others}",
        if others.is_empty() { "" } else { "; " }
    )]
    Lost {
        /// This process.
        rank: usize,
        /// Number of processes.
        world_size: usize,
        /// Where it was.
        place: String,
        /// What failed.
        message: String,
        /// Processes that were elsewhere.
        others: String,
    },
    /// What a launcher says of the processes cannot be used.
    #[error("the environment of the launcher cannot be used: {what}")]
    Launch {
        /// What is wrong.
        what: String,
    },
    /// An operation failed before there was a run.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// An operation of libtorch on this process's own tensors failed.
    #[error(transparent)]
    Torch(#[from] tch::TchError),
}
