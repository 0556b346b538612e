//! The sizes of a video's frames, and how masks get from one to the other.

use seqformer::FrameSize;
use seqformer_config::config::ResultRule;
use seqformer_masks::ImageSize;

/// The frame that masks belong to.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameGeometry {
    /// The network's input, without padding.
    pub(super) input: FrameSize,
    /// The frames of the video.
    pub(super) output: ImageSize,
    /// On which way masks become as large as the video.
    pub(super) enlargement: Enlargement,
}

/// How mask logits become masks at the size of the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enlargement {
    /// To the network's input, of which the nearest pixels are taken: [`seqformer::inference::final_masks`].
    ByInput,
    /// At once: [`seqformer::inference::final_masks_in_one_step`].
    InOneStep,
}

impl Enlargement {
    /// That of a rule for results.
    pub(super) fn of(rule: ResultRule) -> Self {
        match rule {
            ResultRule::VNext => Self::ByInput,
            ResultRule::Original => Self::InOneStep,
        }
    }
}
