//! What can go wrong between a configuration and a result.

use std::path::PathBuf;

use seqformer::ModelError;
use seqformer_checkpoint::CheckpointError;
use seqformer_masks::ImageSize;

/// A model could not be built, filled or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The device that was asked for cannot be used.
    #[error("device {device}: {reason}")]
    Device {
        /// What was asked for.
        device: String,
        /// Why it cannot be had, and what to do.
        reason: String,
    },
    /// A feature that this build does not have.
    #[error("{0}")]
    Unsupported(String),
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint does not fit the configuration.
    #[error("{}: {source}", path.display())]
    Weights {
        /// The checkpoint.
        path: PathBuf,
        /// What does not fit.
        source: ModelError,
    },
    /// The network cannot be built or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A frame could not be had; the inner error names the file.
    #[error(transparent)]
    Frame(Box<dyn std::error::Error + Send + Sync>),
    /// A finished frame could not be handed on; the inner error says why.
    #[error(transparent)]
    Output(Box<dyn std::error::Error + Send + Sync>),
    /// A frame differs in size from the first one.
    #[error(
        "frame {index}: expected {expected} pixels (height x width) as in the first frame, found {found}"
    )]
    FrameSize {
        /// Number of the frame, from 0.
        index: usize,
        /// Size of the first frame.
        expected: ImageSize,
        /// Size of this frame.
        found: ImageSize,
    },
    /// A video without frames.
    #[error("the video has no frame")]
    NoFrames,
    /// A file of the run cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file of the run cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
