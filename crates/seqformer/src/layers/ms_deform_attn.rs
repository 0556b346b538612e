//! The projections around multi-scale deformable attention.
//!
//! Deformable DETR (arXiv:2010.04159), section 4.1. Reference: VNext `models/ops/modules/ms_deform_attn.py`.

use seqformer_ops::fused::After;
use seqformer_ops::{
    FeatureLevels, PredictedPoints, ms_deform_attn, ms_deform_attn_at_offsets, reference,
};
use tch::{Kind, Tensor, nn};

use super::Linear;

/// The sizes of an attention module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionShape {
    pub(crate) hidden_dim: i64,
    pub(crate) num_heads: i64,
    pub(crate) num_levels: i64,
    pub(crate) num_points: i64,
}

/// The references to which sampling offsets are relative, in units of each padded map.
#[derive(Debug)]
pub(crate) enum References {
    /// Points (x, y), `[N, Q, L, 2]`: offsets are in cells.
    Points(Tensor),
    /// Boxes (cx, cy, w, h), `[N, Q, L, 4]`: offsets are in halves of the box, divided by the number of points.
    Boxes(Tensor),
}

/// Sampling locations and attention weights.
#[derive(Debug)]
pub(crate) struct Sampling {
    /// `[N, Q, M, L, P, 2]`, (x, y) in 0..1
    pub(crate) locations: Tensor,
    /// `[N, Q, M, L, P]`
    pub(crate) weights: Tensor,
}

/// Attention in which a query samples a few learned points around its reference.
#[derive(Debug)]
pub(crate) struct MsDeformAttn {
    pub(crate) sampling_offsets: Linear,
    pub(crate) attention_weights: Linear,
    pub(crate) value_proj: Linear,
    pub(crate) output_proj: Linear,
    /// Exists in every module of the reference; only the decoder uses it.
    pub(crate) output_proj_box: Linear,
    pub(crate) shape: AttentionShape,
}

impl MsDeformAttn {
    /// Parameters under `vs`: `{sampling_offsets, attention_weights, value_proj, output_proj,
    /// output_proj_box}.{weight, bias}`.
    pub(crate) fn new(vs: &nn::Path<'_>, shape: AttentionShape) -> Self {
        let AttentionShape { hidden_dim, num_heads, num_levels, num_points } = shape;
        let samples = num_heads * num_levels * num_points;
        let linear = |name: &str, outputs: i64| Linear::new(&(vs / name), hidden_dim, outputs);
        Self {
            sampling_offsets: linear("sampling_offsets", 2 * samples),
            attention_weights: linear("attention_weights", samples),
            value_proj: linear("value_proj", hidden_dim),
            output_proj: linear("output_proj", hidden_dim),
            output_proj_box: linear("output_proj_box", hidden_dim),
            shape,
        }
    }

    /// A layer that shares the tensors of this one, without gradients.
    pub(crate) fn detach(&self) -> Self {
        Self {
            sampling_offsets: self.sampling_offsets.detach(),
            attention_weights: self.attention_weights.detach(),
            value_proj: self.value_proj.detach(),
            output_proj: self.output_proj.detach(),
            output_proj_box: self.output_proj_box.detach(),
            shape: self.shape,
        }
    }

    /// Projects the tokens to values of each head, zero where padded.
    ///
    /// # Shapes
    ///
    /// - `tokens`: `[N, S, C]`
    /// - `padding`: `[N, S, 1]`, true = padded; `None` without padding
    /// - output: `[N, S, M, D]`
    pub(crate) fn values(&self, tokens: &Tensor, padding: Option<&Tensor>) -> Tensor {
        let (batch, num_tokens, channels) = tokens.size3().expect("tokens are [N, S, C]");
        let mut values = self.value_proj.forward(tokens);
        // After the projection, so that its bias does not leak into padding.
        if let Some(padding) = padding {
            values = values.masked_fill(padding, 0.0);
        }
        let heads = self.shape.num_heads;
        values.view([batch, num_tokens, heads, channels / heads])
    }

    /// Sampling locations relative to `references`, and attention weights.
    ///
    /// `queries` is `[N, Q, C]`, or `[1, Q, C]` for the same queries in every item of `references`.
    pub(crate) fn sampling(
        &self,
        queries: &Tensor,
        references: &References,
        levels: &FeatureLevels,
    ) -> Sampling {
        let offsets = self.sampling_offsets.forward_full(queries);
        let logits = self.attention_weights.forward(queries);
        self.shape.sampling(&offsets, &logits, references, levels)
    }

    /// Fused attention for queries with the same batch size as the tokens: values are sampled relative to `references`,
    /// and the sampling locations are never stored.
    ///
    /// # Shapes
    ///
    /// - `tokens`: `[N, S, C]`, `queries`: `[N, Q, C]`
    /// - `references`: `[N or 1, Q, L, 2]`; they receive no gradient
    /// - `padding`: `[N or 1, S]`, true = padded; `None` without padding
    /// - output: `[N, Q, C]`, before the output projections
    pub(crate) fn read_around(
        &self,
        tokens: &Tensor,
        queries: &Tensor,
        references: &Tensor,
        levels: &FeatureLevels,
        padding: Option<&Tensor>,
    ) -> Tensor {
        let (batch, num_queries, _) = queries.size3().expect("queries are [N, Q, C]");
        let AttentionShape { num_heads, num_levels, num_points, .. } = self.shape;
        let sizes = [batch, num_queries, num_heads, num_levels, num_points, 2];
        let offsets = self.sampling_offsets.forward_full(queries).view(sizes);
        let logits = self.attention_weights.forward(queries);
        let logits = logits.view([batch, num_queries, num_heads, num_levels * num_points]);
        let points = PredictedPoints { offsets: &offsets, logits: &logits, references };
        ms_deform_attn_at_offsets(&self.values(tokens, None), levels, &points, padding)
            .expect("the projections give the shapes that the operation takes")
    }

    /// The instance output with an epilogue, `[N, Q, C]` → `[N, Q, C]`.
    pub(crate) fn project_then(&self, read: &Tensor, after: &After<'_>) -> Tensor {
        self.output_proj.forward_then(read, after)
    }

    /// The instance output, `[N, Q, C]` → `[N, Q, C]`.
    pub(crate) fn project(&self, read: &Tensor) -> Tensor {
        self.output_proj.forward(read)
    }

    /// The box output, `[N, Q, C]` → `[N, Q, C]`.
    pub(crate) fn project_box(&self, read: &Tensor) -> Tensor {
        self.output_proj_box.forward(read)
    }
}

impl AttentionShape {
    /// Sampling locations relative to `references`, and attention weights.
    ///
    /// # Shapes
    ///
    /// - `offsets`: `[N, Q, M * L * P * 2]`
    /// - `logits`: `[N, Q, M * L * P]`, before the softmax
    pub(crate) fn sampling(
        self,
        offsets: &Tensor,
        logits: &Tensor,
        references: &References,
        levels: &FeatureLevels,
    ) -> Sampling {
        let (batch, num_queries, _) = offsets.size3().expect("offsets are [N, Q, M * L * P * 2]");
        let Self { num_heads, num_levels, num_points, .. } = self;
        let sizes = [batch, num_queries, num_heads, num_levels, num_points, 2];
        let offsets = offsets.view(sizes);
        let logits = logits.view([batch, num_queries, num_heads, num_levels * num_points]);
        let weights = logits.softmax(-1, Kind::Float).view(&sizes[..5]);
        // References become [N, Q, 1, L, 1, …] to broadcast over heads and points.
        let spread = |tensor: &Tensor| tensor.unsqueeze(2).unsqueeze(4);
        let locations = match references {
            References::Points(points) => reference::locations(points, &offsets, levels),
            References::Boxes(boxes) => {
                let (centre, size) = (boxes.narrow(-1, 0, 2), boxes.narrow(-1, 2, 2));
                spread(&centre) + offsets / num_points as f64 * spread(&size) * 0.5
            }
        };
        Sampling { locations, weights }
    }
}

impl Sampling {
    /// Samples values `[N, S, M, D]`: `[N, Q, C]`, before the output projections.
    pub(crate) fn read(&self, values: &Tensor, levels: &FeatureLevels) -> Tensor {
        ms_deform_attn(values, levels, &self.locations, &self.weights)
            .expect("the projections give the shapes that the operation takes")
    }

    /// The points of every item repeated for each of `times` frames: `[N, …]` → `[N * times, …]`.
    pub(crate) fn repeat(&self, times: i64) -> Self {
        let repeat = |tensor: &Tensor| tensor.repeat_interleave_self_int(times, 0, None);
        Self { locations: repeat(&self.locations), weights: repeat(&self.weights) }
    }
}
