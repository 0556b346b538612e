//! The projections around multi-scale deformable attention.
//!
//! Deformable DETR (arXiv:2010.04159), section 4.1. Reference: VNext `models/ops/modules/ms_deform_attn.py`.

use seqformer_ops::fused::After;
use seqformer_ops::packed_linear::PackedLinear;
use seqformer_ops::{
    FeatureLevels, PredictedPoints, ms_deform_attn, ms_deform_attn_at_offsets, reference,
};
use tch::{Kind, Tensor, nn};

use super::Linear;
use crate::Precision;

/// The sizes of an attention module.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AttentionShape {
    pub(crate) hidden_dim: i64,
    pub(crate) num_heads: i64,
    pub(crate) num_levels: i64,
    pub(crate) num_points: i64,
}

/// What the sampling offsets are relative to, in units of each padded map.
#[derive(Debug)]
pub(crate) enum References {
    /// Points (x, y), `[N, Q, L, 2]`: offsets count cells.
    Points(Tensor),
    /// Boxes (cx, cy, w, h), `[N, Q, L, 4]`: offsets count halves of the box, divided by the points.
    Boxes(Tensor),
}

/// Where each query looks and how much each point counts.
#[derive(Debug)]
pub(crate) struct Sampling {
    /// `[N, Q, M, L, P, 2]`, (x, y) in 0..1
    pub(crate) locations: Tensor,
    /// `[N, Q, M, L, P]`
    pub(crate) weights: Tensor,
}

/// Attention in which a query reads a few learned points around its reference.
#[derive(Debug)]
pub(crate) struct MsDeformAttn {
    pub(crate) sampling_offsets: Linear,
    pub(crate) attention_weights: Linear,
    pub(crate) value_proj: Linear,
    pub(crate) output_proj: Linear,
    /// Part of every module of the reference; only the decoder uses it.
    pub(crate) output_proj_box: Linear,
    pub(crate) shape: AttentionShape,
    /// `value_proj` for inference.
    packed_value: Option<PackedLinear>,
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
            packed_value: None,
        }
    }

    /// Lays the weights out for inference; call again after they have changed.
    pub(crate) fn prepare_inference(&mut self, precision: Precision) {
        self.packed_value =
            PackedLinear::new(self.value_proj.affine(), precision == Precision::Bf16).filter(
                |_| matches!(self.shape.hidden_dim / self.shape.num_heads, 8 | 16 | 32 | 64),
            );
        let linears = [
            &mut self.sampling_offsets,
            &mut self.attention_weights,
            &mut self.output_proj,
            &mut self.output_proj_box,
        ];
        for linear in linears {
            linear.prepare_inference(precision);
        }
    }

    /// The tokens as values of each head, padded ones zero.
    ///
    /// # Shapes
    ///
    /// - `tokens`: `[N, S, C]`
    /// - `padding`: `[N, S, 1]`, true = padded; `None` when nothing is
    /// - output: `[N, S, M, D]`
    pub(crate) fn values(&self, tokens: &Tensor, padding: Option<&Tensor>) -> Tensor {
        let (batch, num_tokens, channels) = tokens.size3().expect("tokens are [N, S, C]");
        if let Some(packed) = self.packed_value.as_ref().filter(|_| !tokens.requires_grad()) {
            let padding = padding.map(|padding| padding.squeeze_dim(-1));
            return packed
                .head_values(tokens, self.shape.num_heads as usize, padding.as_ref())
                .expect("the projection has the channels of the tokens");
        }
        let values = self.value_proj.forward(tokens);
        // After the projection, so that its bias does not leak either.
        let values = match padding {
            Some(padding) if values.requires_grad() => values.masked_fill(padding, 0.0),
            Some(padding) => {
                let mut values = values;
                values.masked_fill_(padding, 0.0)
            }
            None => values,
        };
        let heads = self.shape.num_heads;
        values.view([batch, num_tokens, heads, channels / heads])
    }

    /// Where the queries look, relative to `references`, and how much each point counts.
    ///
    /// `queries` is `[N, Q, C]`, or `[1, Q, C]` for the same queries in every item of `references`.
    pub(crate) fn sampling(
        &self,
        queries: &Tensor,
        references: &References,
        levels: &FeatureLevels,
    ) -> Sampling {
        let (batch, num_queries, _) = queries.size3().expect("queries are [N, Q, C]");
        let AttentionShape { num_heads, num_levels, num_points, .. } = self.shape;
        let sizes = [batch, num_queries, num_heads, num_levels, num_points, 2];
        let offsets = self.sampling_offsets.forward_full(queries).view(sizes);
        let weights = self.attention_weights.forward(queries);
        let weights = weights.view([batch, num_queries, num_heads, num_levels * num_points]);
        let weights = weights.softmax(-1, Kind::Float).view(&sizes[..5]);
        // References become [N, Q, 1, L, 1, …] to meet the heads and points.
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

    /// Reads the values at the sampled points.
    ///
    /// # Shapes
    ///
    /// - `values`: `[N, S, M, D]`
    /// - output: `[N, Q, C]`, before the output projections
    pub(crate) fn read(
        &self,
        values: &Tensor,
        levels: &FeatureLevels,
        sampling: &Sampling,
    ) -> Tensor {
        ms_deform_attn(values, levels, &sampling.locations, &sampling.weights)
            .expect("the projections give the shapes that the operation takes")
    }

    /// All at once, for queries that are as many as the tokens' items: the values are read where the
    /// queries look relative to `references`, and the points themselves are never stored.
    ///
    /// # Shapes
    ///
    /// - `tokens`: `[N, S, C]`, `queries`: `[N, Q, C]`
    /// - `references`: `[N or 1, Q, L, 2]`; no gradient is passed on to them
    /// - `padding`: `[N or 1, S]`, true = padded; `None` when nothing is
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

    /// The instance output with what follows it, `[N, Q, C]` → `[N, Q, C]`.
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

impl Sampling {
    /// The points of every item repeated for each of `times` frames: `[N, …]` → `[N * times, …]`.
    pub(crate) fn repeat(&self, times: i64) -> Self {
        let repeat = |tensor: &Tensor| tensor.repeat_interleave_self_int(times, 0, None);
        Self { locations: repeat(&self.locations), weights: repeat(&self.weights) }
    }
}
