//! What the network makes of some frames before they meet.

use tch::Tensor;

use crate::FrameFeatures;

/// Frames that have been through the network, as far as it handles them one by one.
#[derive(Debug)]
pub(crate) struct EncodedFrames {
    /// `[T', C / 32, H / 8, W / 8]`
    pub(crate) mask_features: Tensor,
    /// The box queries' features.
    pub(crate) features: FrameFeatures,
}

impl EncodedFrames {
    /// The same numbers in new tensors.
    pub(crate) fn copy(&self) -> Self {
        Self { mask_features: self.mask_features.copy(), features: self.features.copy() }
    }
}
