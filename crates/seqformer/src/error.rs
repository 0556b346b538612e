//! What can go wrong when a network is built, filled or fed.

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
    #[error("{}", crate::weights::describe_mismatch(.report))]
    Weights {
        /// What did not fit.
        report: Box<crate::LoadReport>,
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
        source: crate::assignment::AssignmentError,
    },
    /// libtorch reported a failure, for instance that there is no memory left.
    #[error("libtorch: {message}")]
    Torch {
        /// The first line of its message.
        message: String,
    },
}

impl From<tch::TchError> for ModelError {
    fn from(error: tch::TchError) -> Self {
        let text = error.to_string();
        Self::Torch { message: text.lines().next().unwrap_or_default().to_owned() }
    }
}
