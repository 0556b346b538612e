//! What can go wrong between a configuration and its training clips.

use seqformer_data::DataError;

/// Data that cannot be trained on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingDataError {
    /// Settings that do not fit each other or the datasets.
    #[error("{0}")]
    Settings(String),
    /// A file that cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
}
