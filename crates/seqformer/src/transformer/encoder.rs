//! Encoder layers, in which every token attends to a few points of its own frame.
//!
//! Reference: VNext `models/deformable_transformer.py`, `DeformableTransformerEncoderLayer`.

#![expect(
    clippy::arc_with_non_send_sync,
    reason = "autograd may drop a recomputed part on a thread of its own"
)]

use std::sync::Arc;

use seqformer_ops::FeatureLevels;
use seqformer_ops::fused::After;
use tch::{Tensor, nn};

use super::TokenLayout;
use crate::config::{NUM_LEVELS, TransformerConfig};
use crate::layers::{AttentionShape, LayerNorm, Linear, MsDeformAttn, checkpointed};

/// All encoder layers.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) layers: Vec<Arc<EncoderLayer>>,
    /// Whether layers use activation checkpointing: the backward pass recomputes their activations.
    pub(crate) recompute: bool,
}

/// One layer.
#[derive(Debug)]
pub(crate) struct EncoderLayer {
    pub(crate) self_attn: MsDeformAttn,
    pub(crate) norm1: LayerNorm,
    pub(crate) linear1: Linear,
    pub(crate) linear2: Linear,
    pub(crate) norm2: LayerNorm,
    dropout: f64,
}

impl Encoder {
    /// Parameters under `vs`: `layers.{i}.{self_attn, norm1, linear1, linear2, norm2}`.
    pub(crate) fn new(vs: &nn::Path<'_>, config: &TransformerConfig) -> Self {
        let vs = vs / "layers";
        let layer = |i: i64| Arc::new(EncoderLayer::new(&(&vs / i), config));
        Self { layers: (0..config.num_encoder_layers).map(layer).collect(), recompute: false }
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
        let frames = Arc::new(Frames::new(size[1], layout));
        let mut tokens = tokens.flatten(0, 1); // [N * T, S, C]
        for layer in &self.layers {
            tokens = if self.recompute {
                let inputs = [&tokens, &frames.positions];
                let (layer, frames) = (Arc::clone(layer), Arc::clone(&frames));
                let [tokens] = checkpointed(&inputs, move |inputs| {
                    [layer.forward(&inputs[0], &inputs[1], &frames)]
                });
                tokens
            } else {
                layer.forward(&tokens, &frames.positions, &frames)
            };
            each_layer(&tokens.view(size.as_slice()));
        }
        tokens.view(size.as_slice())
    }
}

/// The layout of the clips repeated for their frames.
pub(crate) struct Frames {
    pub(crate) levels: FeatureLevels,
    /// `[N * T, S, C]`, or `[1, S, C]` for one clip.
    pub(crate) positions: Tensor,
    /// `[N * T, S]`, or `[1, S]` for one clip.
    pub(crate) padding: Option<Tensor>,
    /// `[N * T, S, L, 2]`, or `[1, S, L, 2]` for one clip.
    pub(crate) references: Tensor,
}

impl Frames {
    /// Repeats the layout for clips of `num_frames` frames.
    pub(crate) fn new(num_frames: i64, layout: &TokenLayout) -> Self {
        Self {
            levels: layout.levels().clone(),
            positions: repeat(layout.positions(), num_frames),
            padding: layout.padding().map(|padding| repeat(padding, num_frames)),
            references: repeat(layout.reference_points(), num_frames),
        }
    }
}

/// Repeats each clip's item for its frames; for a single clip it is broadcast instead.
pub(crate) fn repeat(per_clip: &Tensor, num_frames: i64) -> Tensor {
    if per_clip.size()[0] == 1 {
        return per_clip.shallow_clone();
    }
    per_clip.repeat_interleave_self_int(num_frames, 0, None)
}

impl EncoderLayer {
    fn new(vs: &nn::Path<'_>, config: &TransformerConfig) -> Self {
        let &TransformerConfig { hidden_dim, num_heads, feedforward_dim, dropout, .. } = config;
        let shape = AttentionShape {
            hidden_dim,
            num_heads,
            num_levels: NUM_LEVELS as i64,
            num_points: config.num_encoder_points,
        };
        Self {
            self_attn: MsDeformAttn::new(&(vs / "self_attn"), shape),
            norm1: LayerNorm::new(&(vs / "norm1"), hidden_dim),
            linear1: Linear::new(&(vs / "linear1"), hidden_dim, feedforward_dim),
            linear2: Linear::new(&(vs / "linear2"), feedforward_dim, hidden_dim),
            norm2: LayerNorm::new(&(vs / "norm2"), hidden_dim),
            dropout,
        }
    }

    /// A layer that shares the tensors of this one, without gradients and dropout.
    pub(crate) fn detach(&self) -> Self {
        Self {
            self_attn: self.self_attn.detach(),
            norm1: self.norm1.detach(),
            linear1: self.linear1.detach(),
            linear2: self.linear2.detach(),
            norm2: self.norm2.detach(),
            dropout: 0.0,
        }
    }

    /// `[N * T, S, C]` → the same shape; positions are those of `frames`.
    pub(crate) fn forward(&self, tokens: &Tensor, positions: &Tensor, frames: &Frames) -> Tensor {
        let attention = &self.self_attn;
        let queries = tokens + positions;
        let read = attention.read_around(
            tokens,
            &queries,
            &frames.references,
            &frames.levels,
            frames.padding.as_ref(),
        );
        self.update(tokens, &read)
    }

    /// The tokens after the attention has read for them, `[N * T, S, C]` → the same shape.
    pub(crate) fn update(&self, tokens: &Tensor, read: &Tensor) -> Tensor {
        let attention = &self.self_attn;
        let dropout = self.dropout;
        let add = After { dropout, residual: Some(tokens), ..After::NOTHING };
        let tokens = self.norm1.forward(&attention.project_then(read, &add));
        let hidden = self.linear1.forward_then(&tokens, &After { dropout, ..After::RELU });
        let add = After { dropout, residual: Some(&tokens), ..After::NOTHING };
        let tokens = self.linear2.forward_then(&hidden, &add);
        self.norm2.forward(&tokens)
    }
}
