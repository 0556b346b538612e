//! The projections around multi-scale deformable attention, for layers without a fused operation.

use seqformer_ops::FeatureLevels;
use seqformer_ops::packed_linear::PackedLinear;
use tch::Tensor;

use super::{PreparedJoinedPoints, PreparedLinear};
use crate::Precision;
use crate::layers::{AttentionShape, Linear, MsDeformAttn, References, Sampling};

/// Attention in which a query samples a few learned points around its reference, prepared.
#[derive(Debug)]
pub(crate) struct PreparedMsDeformAttn {
    points: PointProjection,
    value_proj: ValueProjection,
    output_proj: PreparedLinear,
    output_proj_box: PreparedLinear,
    shape: AttentionShape,
}

#[derive(Debug)]
enum PointProjection {
    Joined(PreparedJoinedPoints),
    Apart { sampling_offsets: PreparedLinear, attention_weights: PreparedLinear },
}

#[derive(Debug)]
enum ValueProjection {
    /// Returns the values head by head.
    Packed(PackedLinear),
    Plain(Linear),
}

impl PreparedMsDeformAttn {
    pub(crate) fn new(attention: &MsDeformAttn, precision: Precision) -> Self {
        let (shape, value_proj) = (attention.shape, &attention.value_proj);
        let has_kernel = matches!(shape.hidden_dim / shape.num_heads, 8 | 16 | 32 | 64);
        let packed = PackedLinear::new(value_proj.weight_bias(), precision == Precision::Bf16);
        let linear = |linear: &Linear| PreparedLinear::new(linear, precision);
        Self {
            points: match PreparedJoinedPoints::new(attention, precision) {
                Some(joined) => PointProjection::Joined(joined),
                None => PointProjection::Apart {
                    sampling_offsets: linear(&attention.sampling_offsets),
                    attention_weights: linear(&attention.attention_weights),
                },
            },
            value_proj: match packed.filter(|_| has_kernel) {
                Some(packed) => ValueProjection::Packed(packed),
                None => ValueProjection::Plain(value_proj.detach()),
            },
            output_proj: linear(&attention.output_proj),
            output_proj_box: linear(&attention.output_proj_box),
            shape,
        }
    }

    /// Projects the tokens to values of each head, zero where padded.
    ///
    /// # Shapes
    ///
    /// - `tokens`: `[N, S, C]`
    /// - `padding`: `[N, S]`, true = padded; `None` without padding
    /// - output: `[N, S, M, D]`
    pub(crate) fn values(&self, tokens: &Tensor, padding: Option<&Tensor>) -> Tensor {
        let heads = self.shape.num_heads;
        match &self.value_proj {
            ValueProjection::Packed(packed) => packed
                .head_values(tokens, heads as usize, padding)
                .expect("the projection has the channels of the tokens"),
            ValueProjection::Plain(linear) => {
                let mut values = linear.forward(tokens); // [N, S, C]
                // After the projection, so that its bias does not leak into padding.
                if let Some(padding) = padding {
                    values = values.masked_fill_(&padding.unsqueeze(-1), 0.0);
                }
                let size = values.size();
                values.view([size[0], size[1], heads, size[2] / heads])
            }
        }
    }

    /// Sampling locations of queries `[N, Q, C]` relative to `references`, and attention weights.
    pub(crate) fn sampling(
        &self,
        queries: &Tensor,
        references: &References,
        levels: &FeatureLevels,
    ) -> Sampling {
        match &self.points {
            PointProjection::Joined(joined) => joined.sampling(queries, references, levels),
            PointProjection::Apart { sampling_offsets, attention_weights } => {
                let offsets = sampling_offsets.forward_full(queries);
                let logits = attention_weights.forward(queries);
                self.shape.sampling(&offsets, &logits, references, levels)
            }
        }
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
