//! Softmax attention among queries with optimized kernels.

use seqformer_ops::OpsError;
use seqformer_ops::attention::SelfAttention;
use seqformer_ops::fused::Activation;
use seqformer_ops::packed_linear::{PackedLinear, WeightBias};
use tch::Tensor;

use super::PreparedLinear;
use crate::Precision;
use crate::layers::{AttentionHeads, MultiheadAttention};

/// Self-attention whose values do not include the position, prepared.
#[derive(Debug)]
pub(crate) struct PreparedMultiheadAttention {
    heads: PreparedHeads,
    out_proj: PreparedLinear,
}

#[derive(Debug)]
enum PreparedHeads {
    /// If the machine has kernels for them.
    Packed(PackedHeads),
    /// Otherwise.
    Plain(AttentionHeads),
}

#[derive(Debug)]
struct PackedHeads {
    query_key: PackedLinear,
    value: PackedLinear,
    attention: SelfAttention,
}

impl PreparedMultiheadAttention {
    pub(crate) fn new(attention: &MultiheadAttention, precision: Precision) -> Self {
        let heads = &attention.heads;
        let heads = match PackedHeads::new(heads, precision == Precision::Bf16) {
            Some(packed) => PreparedHeads::Packed(packed),
            None => PreparedHeads::Plain(heads.detach()),
        };
        Self { heads, out_proj: PreparedLinear::new(&attention.out_proj, precision) }
    }

    /// Self-attention with queries and keys `content + position` and values `content`, added to
    /// `content`.
    ///
    /// # Shapes
    ///
    /// - `content`: `[N, Q, C]`
    /// - `position`: broadcast to it
    /// - output: `[N, Q, C]`
    pub(crate) fn forward_residual(&self, content: &Tensor, position: &Tensor) -> Tensor {
        let with_position = content + position;
        let read = match &self.heads {
            PreparedHeads::Packed(packed) => packed.read(&with_position, content),
            PreparedHeads::Plain(heads) => heads.read(&with_position, content),
        };
        let read = read.expect("the projections have the channels of the queries");
        self.out_proj.forward_then(&read, Activation::None, Some(content))
    }
}

impl PackedHeads {
    fn new(heads: &AttentionHeads, bf16: bool) -> Option<Self> {
        let pack = |(weight, bias): (Tensor, Tensor)| {
            PackedLinear::new(WeightBias { weight: &weight, bias: &bias }, bf16)
        };
        let takes = heads.head_dim() % 2 == 0;
        let attention = SelfAttention::new(heads.num_heads as usize, bf16).filter(|_| takes)?;
        Some(Self { query_key: pack(heads.rows(0, 2))?, value: pack(heads.rows(2, 1))?, attention })
    }

    /// The output of the heads, `[N, Q, C]`.
    fn read(&self, with_position: &Tensor, content: &Tensor) -> Result<Tensor, OpsError> {
        let query_key = self.query_key.forward(with_position, Activation::None, None)?;
        let value = self.value.forward(content, Activation::None, None)?;
        self.attention.forward(&query_key, &value)
    }
}
