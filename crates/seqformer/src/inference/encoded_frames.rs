//! What the network makes of some frames before they meet.

use tch::Tensor;

use crate::FrameReading;

/// Frames that have been through the network, as far as it handles them one by one.
#[derive(Debug)]
pub(crate) struct EncodedFrames {
    /// `[T', C / 32, H / 8, W / 8]`
    pub(crate) mask_features: Tensor,
    /// What the decoder reads of them.
    pub(crate) reading: FrameReading,
}

impl EncodedFrames {
    /// The same numbers in new tensors.
    pub(crate) fn copy(&self) -> Self {
        Self { mask_features: self.mask_features.copy(), reading: self.reading.copy() }
    }
}
