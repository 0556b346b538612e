//! The sizes of a video's frames, and how masks are resized from one to the other.

use seqformer_config::config::ResultRule;
use seqformer_masks::ImageSize;

/// The geometry of the frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameGeometry {
    /// The network's input, without padding.
    pub(super) input: ImageSize,
    /// The frames of the video.
    pub(super) output: ImageSize,
    /// How masks are enlarged to the frames of the video.
    pub(super) enlargement: Enlargement,
}

/// How mask logits become masks at the video's resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Enlargement {
    /// To the network's input, whose nearest pixels are then sampled: [`seqformer::inference::final_masks`].
    ByInput,
    /// In one step: [`seqformer::inference::final_masks_in_one_step`].
    InOneStep,
}

impl Enlargement {
    /// The enlargement that belongs to a rule for results.
    pub(super) fn of(rule: ResultRule) -> Self {
        match rule {
            ResultRule::VNext => Self::ByInput,
            ResultRule::Original => Self::InOneStep,
        }
    }
}
