//! Encoder layers, each as a single fused operation if available.

mod gpu_layer;

use seqformer_cuda::kernels::NormedSum;
use seqformer_ops::deformable_layer::{
    DeformableLayer, DeformableLayerInput, DeformableLayerParameters,
};
use tch::{Kind, Tensor};

pub(super) use self::gpu_layer::GpuEncoderLayer;
use crate::Precision;
use crate::layers::NORM_EPS;
use crate::transformer::{Encoder, EncoderLayer, Frames, TokenLayout};

/// All encoder layers, prepared.
#[derive(Debug)]
pub(crate) struct PreparedEncoder {
    pub(super) layers: Vec<PreparedEncoderLayer>,
}

/// One layer, prepared.
#[derive(Debug)]
pub(super) enum PreparedEncoderLayer {
    /// As a single fused operation.
    Fused(Box<DeformableLayer>),
    /// If the fused operation is not available.
    Plain(Box<EncoderLayer>),
    /// The same on a GPU.
    OnGpu(Box<GpuEncoderLayer>),
}

impl PreparedEncoder {
    pub(crate) fn new(encoder: Encoder, precision: Precision) -> Self {
        let layers = encoder.layers.into_iter();
        Self { layers: layers.map(|layer| PreparedEncoderLayer::new(&layer, precision)).collect() }
    }

    /// Refines the tokens of frames, `[N, T, S, C]` → the same shape; frames do not interact.
    ///
    /// Calls `each_layer` with the output of every layer.
    pub(crate) fn forward(
        &self,
        tokens: &Tensor,
        layout: &TokenLayout,
        each_layer: &mut dyn FnMut(&Tensor),
    ) -> Tensor {
        let size = tokens.size();
        let frames = Frames::new(size[1], layout);
        let mut tokens = NormedSum { full: tokens.flatten(0, 1), rounded: None }; // [N * T, S, C]
        for layer in &self.layers {
            tokens = layer.forward(&tokens, &frames);
            each_layer(&tokens.full.view(size.as_slice()));
        }
        tokens.full.view(size.as_slice())
    }
}

impl PreparedEncoderLayer {
    fn new(layer: &EncoderLayer, precision: Precision) -> Self {
        let attention = &layer.self_attn;
        let parameters = DeformableLayerParameters {
            value_proj: attention.value_proj.weight_bias(),
            sampling_offsets: attention.sampling_offsets.weight_bias(),
            attention_weights: attention.attention_weights.weight_bias(),
            output_proj: attention.output_proj.weight_bias(),
            second_output_proj: None,
            norm1: layer.norm1.weight_bias(),
            linear1: layer.linear1.weight_bias(),
            linear2: layer.linear2.weight_bias(),
            norm2: layer.norm2.weight_bias(),
            eps: NORM_EPS,
            num_heads: attention.shape.num_heads as usize,
            num_points: attention.shape.num_points as usize,
        };
        match DeformableLayer::new(&parameters, precision == Precision::Bf16) {
            Some(fused) => Self::Fused(Box::new(fused)),
            None if layer.norm1.weight.device().is_cuda() => {
                Self::OnGpu(Box::new(GpuEncoderLayer::new(layer, precision)))
            }
            None => Self::Plain(Box::new(layer.detach())),
        }
    }

    /// `[N * T, S, C]` → the same shape
    pub(super) fn forward(&self, tokens: &NormedSum, frames: &Frames) -> NormedSum {
        let full = match self {
            Self::OnGpu(layer) => return layer.forward(tokens, frames),
            Self::Plain(layer) => layer.forward(&tokens.full, &frames.positions, frames),
            Self::Fused(fused) => {
                let input = DeformableLayerInput {
                    tokens: &tokens.full.to_kind(Kind::Float),
                    queries: None,
                    positions: &frames.positions,
                    references: &frames.references,
                    padding: frames.padding.as_ref(),
                };
                let output = fused.forward(&input, &frames.levels);
                output.expect("the tokens have the layout of their levels").queries
            }
        };
        NormedSum { full, rounded: None }
    }
}
