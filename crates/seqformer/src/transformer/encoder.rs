//! Layers in which every token reads a few points of its own frame.
//!
//! Reference: VNext `models/deformable_transformer.py`, `DeformableTransformerEncoderLayer`.

use std::rc::Rc;

use seqformer_ops::FeatureLevels;
use seqformer_ops::deformable_layer::{
    DeformableLayer, DeformableLayerInput, DeformableLayerParameters,
};
use seqformer_ops::fused::After;
use tch::{Kind, Tensor, nn};

use super::TokenLayout;
use crate::Precision;
use crate::config::{NUM_LEVELS, TransformerConfig};
use crate::layers::{AttentionShape, LayerNorm, Linear, MsDeformAttn, NORM_EPS, checkpointed};

/// All encoder layers.
#[derive(Debug)]
pub(crate) struct Encoder {
    layers: Vec<Rc<EncoderLayer>>,
    /// Whether training runs layers again for the gradients instead of keeping their inside.
    pub(crate) recompute: bool,
}

#[derive(Debug)]
struct EncoderLayer {
    self_attn: MsDeformAttn,
    norm1: LayerNorm,
    linear1: Linear,
    linear2: Linear,
    norm2: LayerNorm,
    dropout: f64,
    /// All of it as one operation, for inference where the machine has that.
    fused: Option<DeformableLayer>,
}

impl Encoder {
    /// Parameters under `vs`: `layers.{i}.{self_attn, norm1, linear1, linear2, norm2}`.
    pub(crate) fn new(vs: &nn::Path<'_>, config: &TransformerConfig) -> Self {
        let vs = vs / "layers";
        let layer = |i: i64| Rc::new(EncoderLayer::new(&(&vs / i), config));
        Self { layers: (0..config.num_encoder_layers).map(layer).collect(), recompute: false }
    }

    /// Lays the weights out for inference; call again after they have changed.
    pub(crate) fn prepare_inference(&mut self, precision: Precision) {
        for layer in &mut self.layers {
            Rc::get_mut(layer)
                .expect("no backward pass is open while a network is changed")
                .prepare_inference(precision);
        }
    }

    /// Refines the tokens of some frames; calls `each_layer` with the output of every layer.
    ///
    /// `tokens` and the output are `[N, T, S, C]`; frames never mix.
    pub(crate) fn forward_t(
        &self,
        tokens: &Tensor,
        layout: &TokenLayout,
        train: bool,
        each_layer: &mut dyn FnMut(&Tensor),
    ) -> Tensor {
        let num_frames = tokens.size()[1];
        let frames = Rc::new(Frames::new(num_frames, layout));
        let positions = repeat(layout.positions(), num_frames);
        let size = tokens.size();
        let mut tokens = tokens.flatten(0, 1); // [N * T, S, C]
        for layer in &self.layers {
            let fused = layer.fused.as_ref().filter(|_| !train && !tokens.requires_grad());
            tokens = if let Some(fused) = fused {
                run_fused(fused, &tokens, &positions, &frames)
            } else if self.recompute && train {
                let (layer, frames) = (Rc::clone(layer), Rc::clone(&frames));
                let inputs = [&tokens, &positions];
                let [tokens] = checkpointed(&inputs, move |inputs| {
                    [layer.forward_t(&inputs[0], &inputs[1], &frames, train)]
                });
                tokens
            } else {
                layer.forward_t(&tokens, &positions, &frames, train)
            };
            each_layer(&tokens.view(size.as_slice()));
        }
        tokens.view(size.as_slice())
    }
}

/// The layout of the clips repeated for their frames.
struct Frames {
    levels: FeatureLevels,
    /// `[N * T, S]`, or `[1, S]` for one clip.
    padding: Option<Tensor>,
    /// `[N * T, S, L, 2]`, or `[1, S, L, 2]` for one clip.
    references: Tensor,
}

impl Frames {
    fn new(num_frames: i64, layout: &TokenLayout) -> Self {
        Self {
            levels: layout.levels().clone(),
            padding: layout.padding().map(|padding| repeat(padding, num_frames)),
            references: repeat(layout.reference_points(), num_frames),
        }
    }
}

/// Repeats each clip's item for its frames; that of a single clip stays one and is broadcast.
pub(super) fn repeat(per_clip: &Tensor, num_frames: i64) -> Tensor {
    if per_clip.size()[0] == 1 {
        return per_clip.shallow_clone();
    }
    per_clip.repeat_interleave_self_int(num_frames, 0, None)
}

fn run_fused(
    layer: &DeformableLayer,
    tokens: &Tensor,
    positions: &Tensor,
    frames: &Frames,
) -> Tensor {
    let input = DeformableLayerInput {
        tokens: &tokens.to_kind(Kind::Float),
        queries: None,
        positions,
        references: &frames.references,
        padding: frames.padding.as_ref(),
    };
    let output = layer.forward(&input, &frames.levels);
    output.expect("the tokens have the layout of their levels").queries
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
            fused: None,
        }
    }

    fn prepare_inference(&mut self, precision: Precision) {
        let attention = &self.self_attn;
        let parameters = DeformableLayerParameters {
            value_proj: attention.value_proj.affine(),
            sampling_offsets: attention.sampling_offsets.affine(),
            attention_weights: attention.attention_weights.affine(),
            output_proj: attention.output_proj.affine(),
            second_output_proj: None,
            norm1: self.norm1.affine(),
            linear1: self.linear1.affine(),
            linear2: self.linear2.affine(),
            norm2: self.norm2.affine(),
            eps: NORM_EPS,
            num_heads: attention.shape.num_heads as usize,
            num_points: attention.shape.num_points as usize,
        };
        self.fused = DeformableLayer::new(&parameters, precision == Precision::Bf16);
    }

    /// `[N * T, S, C]` → the same shape; positions may be `[1, S, C]` for one clip.
    fn forward_t(
        &self,
        tokens: &Tensor,
        positions: &Tensor,
        frames: &Frames,
        train: bool,
    ) -> Tensor {
        let attention = &self.self_attn;
        let queries = tokens + positions;
        let read = attention.read_around(
            tokens,
            &queries,
            &frames.references,
            &frames.levels,
            frames.padding.as_ref(),
        );
        let dropout = if train { self.dropout } else { 0.0 };
        let add = After { dropout, residual: Some(tokens), ..After::NOTHING };
        let tokens = self.norm1.forward(&attention.project_then(&read, &add));
        let hidden = self.linear1.forward_then(&tokens, &After { dropout, ..After::RELU });
        let add = After { dropout, residual: Some(&tokens), ..After::NOTHING };
        let tokens = self.linear2.forward_then(&hidden, &add);
        self.norm2.forward(&tokens)
    }
}
