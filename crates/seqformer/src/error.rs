//! Errors of building, loading and running a network.

use seqformer_libtorch::out_of_memory::OutOfMemory;

/// A network cannot be built, or does not match its weights or input.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The configuration is invalid.
    #[error("the model cannot be built: {what}")]
    Config {
        /// What is wrong.
        what: String,
    },
    /// Frames of the wrong shape.
    #[error("frames: expected {expected}, found {found}")]
    Frames {
        /// The expected shape.
        expected: String,
        /// The actual shape.
        found: String,
    },
    /// The weights belong to another network.
    #[error("{}", crate::load_report::describe_mismatch(.report))]
    Weights {
        /// The mismatches.
        report: Box<crate::LoadReport>,
    },
    /// Weights that are not finite.
    #[error(
        "the weights are not finite, in {}; they come from a diverged training or a damaged file: use an earlier \
         checkpoint, or download the file again", seqformer_checkpoint::few(.tensors)
    )]
    NotFinite {
        /// Each tensor with its number of non-finite values.
        tensors: Vec<String>,
    },
    /// A tensor of the file has an unsupported type.
    #[error("weights: {name}: {message}")]
    Array {
        /// The parameter.
        name: String,
        /// Why it cannot be read.
        message: String,
    },
    /// A parameter that belongs to another network.
    #[error("{name}: no initialization rule for this parameter")]
    Unknown {
        /// The parameter.
        name: String,
    },
    /// The instances of a clip do not match its frames or the network.
    #[error("clip {clip}: target: {what}: expected {expected}, found {found}")]
    Target {
        /// Number of the clip in its batch, from 0.
        clip: usize,
        /// Which part of the target.
        what: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// Queries cannot be matched with instances, because predictions are not finite.
    #[error(
        "decoder layer {layer}, clip {clip}: queries and instances cannot be matched: {source}"
    )]
    Matching {
        /// The decoder layer, from 0.
        layer: usize,
        /// Number of the clip in its batch, from 0.
        clip: usize,
        /// What is wrong with the costs.
        source: crate::assignment::AssignmentError,
    },
    /// A device runs out of memory even with a single frame.
    #[error("the device ran out of memory for {what}: {message}")]
    OutOfMemory {
        /// What it ran out of memory for, with the size of the frames.
        what: String,
        /// libtorch's message.
        message: String,
    },
    /// libtorch reported a failure.
    #[error("libtorch: {message}")]
    Torch {
        /// The first line of its message.
        message: String,
    },
}

impl From<tch::TchError> for ModelError {
    fn from(error: tch::TchError) -> Self {
        Self::of_text(&error.to_string())
    }
}

impl From<seqformer_ops::OpsError> for ModelError {
    fn from(error: seqformer_ops::OpsError) -> Self {
        Self::of_text(&error.to_string())
    }
}

impl ModelError {
    /// The error of a device that runs out of memory for `what`.
    pub(crate) fn out_of_memory(what: &str, error: OutOfMemory) -> Self {
        Self::OutOfMemory { what: what.to_owned(), message: error.message }
    }

    /// The error for a message of libtorch.
    fn of_text(text: &str) -> Self {
        match OutOfMemory::of(text) {
            Some(OutOfMemory { message }) => Self::OutOfMemory { what: "this".to_owned(), message },
            None => Self::Torch { message: text.lines().next().unwrap_or_default().to_owned() },
        }
    }
}
