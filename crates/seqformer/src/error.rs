//! What can go wrong when a network is built, filled or fed.

use seqformer_ops::out_of_memory::OutOfMemory;

/// A network could not be built, or does not fit its weights or input.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The sizes do not make a network.
    #[error("the model cannot be built: {what}")]
    Config {
        /// What does not fit.
        what: String,
    },
    /// Frames of another shape than the network takes.
    #[error("frames: expected {expected}, found {found}")]
    Frames {
        /// What the frames should be.
        expected: String,
        /// What they are.
        found: String,
    },
    /// The weights are of another network.
    #[error("{}", crate::load_report::describe_mismatch(.report))]
    Weights {
        /// What did not fit.
        report: Box<crate::LoadReport>,
    },
    /// Weights that are no finite numbers.
    #[error(
        "the weights are not finite numbers, in {}; they come from a training that went astray, or from a damaged \
         file: take an earlier checkpoint, or get the file again", seqformer_checkpoint::few(.tensors)
    )]
    NotFinite {
        /// Each tensor with how many of its values it is true of.
        tensors: Vec<String>,
    },
    /// A tensor of the file has a type that is not a number of this network.
    #[error("weights: {name}: {message}")]
    Array {
        /// The parameter.
        name: String,
        /// Why it cannot be read.
        message: String,
    },
    /// A parameter that belongs to another network.
    #[error("{name}: there is no rule for the start of this parameter")]
    Unknown {
        /// The parameter.
        name: String,
    },
    /// The instances of a clip do not fit its frames or the network.
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
    /// Queries cannot be matched with instances, because predictions are not numbers any more.
    #[error(
        "decoder layer {layer}, clip {clip}: queries and instances cannot be matched: {source}"
    )]
    Matching {
        /// The decoder layer, from 0.
        layer: usize,
        /// Number of the clip in its batch, from 0.
        clip: usize,
        /// What is wrong with the costs.
        source: seqformer_assignment::AssignmentError,
    },
    /// A device has no memory left, however few frames go through the network at once.
    #[error("the device has no memory left for {what}: {message}")]
    OutOfMemory {
        /// What there is no memory for, with the size of the frames.
        what: String,
        /// What libtorch says about it.
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
    /// The error of a device that has no memory left for `what`.
    pub(crate) fn out_of_memory(what: &str, error: OutOfMemory) -> Self {
        Self::OutOfMemory { what: what.to_owned(), message: error.message }
    }

    /// The error that a message of libtorch is.
    fn of_text(text: &str) -> Self {
        match OutOfMemory::of(text) {
            Some(OutOfMemory { message }) => Self::OutOfMemory { what: "this".to_owned(), message },
            None => Self::Torch { message: text.lines().next().unwrap_or_default().to_owned() },
        }
    }
}
