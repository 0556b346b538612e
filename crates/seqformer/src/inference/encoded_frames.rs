//! Per-frame results of the network, before frames are aggregated.

use tch::Tensor;

use crate::FrameFeatures;

/// Frames processed by the per-frame part of the network.
#[derive(Debug)]
pub(crate) struct EncodedFrames {
    /// `[T', C / 32, H / 8, W / 8]`
    pub(crate) mask_features: Tensor,
    /// The box queries' features.
    pub(crate) features: FrameFeatures,
}

impl EncodedFrames {
    /// Copies all tensors.
    pub(crate) fn copy(&self) -> Self {
        Self { mask_features: self.mask_features.copy(), features: self.features.copy() }
    }
}
