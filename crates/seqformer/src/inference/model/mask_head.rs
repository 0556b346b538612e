//! The mask branch with prepared convolutions, and masks by the GPU's kernel.

use seqformer_cuda::kernels;
use tch::Tensor;

use crate::Precision;
use crate::config::{MASK_FEATURE_STRIDE, NUM_LEVELS};
use crate::mask_head::{self, MaskHead, add_coarser, level_map};
use crate::prepared_layers::PreparedConv;
use crate::transformer::TokenLayout;

/// The shared mask branch, prepared.
#[derive(Debug)]
pub(crate) struct PreparedMaskHead {
    lay1: PreparedConv,
    lay2: PreparedConv,
    lay3: PreparedConv,
    lay4: PreparedConv,
    dcn: PreparedConv,
}

impl PreparedMaskHead {
    pub(crate) fn new(head: &MaskHead, precision: Precision) -> Self {
        let conv = |conv| PreparedConv::new(conv, precision);
        let MaskHead { lay1, lay2, lay3, lay4, dcn } = head;
        Self {
            lay1: conv(lay1),
            lay2: conv(lay2),
            lay3: conv(lay3),
            lay4: conv(lay4),
            dcn: conv(dcn),
        }
    }

    /// The features that all instances of a frame share, from the three finest levels.
    ///
    /// # Shapes
    ///
    /// - `memory`: `[N, S, C]`, the tokens of `N` frames
    /// - output: `[N, C / 32, H / 8, W / 8]`, not negative
    pub(crate) fn features(&self, memory: &Tensor, layout: &TokenLayout) -> Tensor {
        let memory = memory.to_kind(self.lay3.input_kind());
        let map = |level: usize| level_map(&memory, layout, level);
        let features = self.lay3.forward_relu(&map(NUM_LEVELS - 2));
        let features = self.lay4.forward_relu(&add_coarser(&map(1), &features));
        let features = self.dcn.forward_relu(&add_coarser(&map(0), &features));
        self.lay2.forward_relu(&self.lay1.forward_relu(&features))
    }
}

/// [`mask_head::dynamic_masks`] without gradients: a single operation on GPUs.
pub(crate) fn dynamic_masks(
    features: &Tensor,
    params: &Tensor,
    reference_points_px: &Tensor,
) -> Tensor {
    if features.device().is_cuda() {
        let stride = MASK_FEATURE_STRIDE;
        let masks = kernels::dynamic_masks(features, params, reference_points_px, stride);
        if let Some(masks) = kernels::kernel_or_none(masks) {
            return masks;
        }
    }
    mask_head::dynamic_masks(features, params, reference_points_px)
}
