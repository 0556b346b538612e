//! Frames as the decoder reads them: the encoder's tokens, or values that were projected before.

use tch::Tensor;

use super::TokenLayout;
use super::encoder::repeat;
use crate::layers::{MsDeformAttn, Sampling};

/// What each decoder layer reads from one frame, projected once for all clips that hold the frame.
///
/// Where a frame's padding is equal in all clips, so are its values.
#[derive(Debug)]
pub struct FrameValues {
    /// `[1, S, M, D]` for each decoder layer.
    layers: Vec<Tensor>,
}

impl FrameValues {
    /// Splits the values of all layers, `[T', S, M, D]` each, by frame.
    pub(super) fn split(layers: &[Tensor]) -> Vec<Self> {
        let num_frames = layers.first().map_or(0, |values| values.size()[0]);
        // Dense by head, as the attention reads them: every clip would copy them again.
        let by_head = |values: &Tensor| values.transpose(1, 2).contiguous().transpose(1, 2);
        let layers: Vec<Tensor> = layers.iter().map(by_head).collect();
        let frame = |index| Self {
            layers: layers.iter().map(|values| values.narrow(0, index, 1)).collect(),
        };
        (0..num_frames).map(frame).collect()
    }

    /// What decoder layer `index` reads, `[1, S, M, D]`.
    pub(super) fn of_layer(&self, index: usize) -> &Tensor {
        &self.layers[index]
    }
}

/// Consecutive frames that the decoder handles together.
#[derive(Debug)]
pub(crate) enum FramePart<'a> {
    /// Tokens of `N` clips, `[N, T', S, C]`; every layer projects them when it reads them.
    Tokens(&'a Tensor),
    /// Frames of one clip.
    Values(&'a [&'a FrameValues]),
}

impl FramePart<'_> {
    /// Frames of this part.
    pub(super) fn num_frames(&self) -> i64 {
        match self {
            Self::Tokens(memory) => memory.size()[1],
            Self::Values(frames) => frames.len() as i64,
        }
    }
    /// Reads the frames for decoder layer `layer`, whose attention is given: `[N * T', Q, C]`.
    ///
    /// `sampling` has an item for each frame, or one for all frames of a clip.
    pub(super) fn read(
        &self,
        attention: &MsDeformAttn,
        layer: usize,
        sampling: &Sampling,
        layout: &TokenLayout,
    ) -> Tensor {
        let (levels, num_frames) = (layout.levels(), self.num_frames());
        let same = sampling.len() < layout.valid_ratios().size()[0] * num_frames;
        match self {
            Self::Tokens(memory) => {
                let padding =
                    layout.padding().map(|padding| repeat(padding, num_frames).unsqueeze(-1));
                let values = attention.values(&memory.flatten(0, 1), padding.as_ref());
                if same {
                    return attention.read(&values, levels, &sampling.repeat(num_frames));
                }
                attention.read(&values, levels, sampling)
            }
            Self::Values(frames) => {
                let read = frames.iter().enumerate().map(|(index, frame)| {
                    let sampling = sampling.item(if same { 0 } else { index as i64 });
                    attention.read(frame.of_layer(layer), levels, &sampling)
                });
                Tensor::cat(&read.collect::<Vec<_>>(), 0)
            }
        }
    }
}
