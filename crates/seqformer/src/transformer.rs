//! The deformable transformer: tokens of all levels, encoder and decoder.
//!
//! Deformable DETR (arXiv:2010.04159) with SeqFormer's decoder (arXiv:2112.08275, section 3). Reference:
//! VNext `models/deformable_transformer.py`.

mod copy_features;
mod decoder;
mod encoder;
mod frame_features;
mod temporal_aggregation;
mod token_layout;

pub(crate) use decoder::{
    BoxQueries, Decoder, DecoderLayer, Queries, QueryEmbedding, ReadInput, ReadOutput, Stream,
    aggregate,
};
pub use decoder::{DecoderLayerOutput, DecoderOutput, KeepLayers};
pub(crate) use encoder::{Encoder, EncoderLayer, Frames, repeat};
pub(crate) use frame_features::BoxOutput;
pub use frame_features::{FrameFeatures, RunningAggregation};
pub(crate) use temporal_aggregation::RunningMean;
pub use token_layout::TokenLayout;

use tch::Tensor;

/// `log(x / (1 - x))` with both terms clamped to at least 1e-5.
pub(crate) fn inverse_sigmoid(x: &Tensor) -> Tensor {
    const EPS: f64 = 1e-5;
    let x = x.clamp(0.0, 1.0);
    let rest: Tensor = 1.0 - &x;
    (x.clamp_min(EPS) / rest.clamp_min(EPS)).log()
}

/// The encoder's output for the frames of some clips, in parts of a few frames.
///
/// The parts stay separate, because joining them would double the memory.
#[derive(Debug, Default)]
pub struct Memory {
    /// `[N, T', S, C]` each; the frames of all parts form the clip.
    pub parts: Vec<Tensor>,
}

impl Memory {
    /// Frames of all parts.
    pub fn num_frames(&self) -> i64 {
        self.parts.iter().map(|part| part.size()[1]).sum()
    }
}
