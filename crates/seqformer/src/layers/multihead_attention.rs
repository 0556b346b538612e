//! Softmax attention among queries, PyTorch's `nn.MultiheadAttention`.

use seqformer_ops::OpsError;
use seqformer_ops::attention::SelfAttention;
use seqformer_ops::fused::{Activation, After, linear};
use seqformer_ops::packed_linear::{Affine, PackedLinear};
use tch::{Device, Tensor, nn};

use super::{Linear, dropout};
use crate::Precision;

/// Self-attention in which values carry no position.
#[derive(Debug)]
pub(crate) struct MultiheadAttention {
    in_proj_weight: Tensor,
    in_proj_bias: Tensor,
    out_proj: Linear,
    num_heads: i64,
    dropout: f64,
    packed: Option<Packed>,
}

/// The attention for inference, where the machine has kernels for it.
#[derive(Debug)]
struct Packed {
    query_key: PackedLinear,
    value: PackedLinear,
    attention: SelfAttention,
}

impl Packed {
    /// What the heads read from `content`, `[N, Q, C]`.
    fn read(&self, with_position: &Tensor, content: &Tensor) -> Result<Tensor, OpsError> {
        let query_key = self.query_key.forward(with_position, Activation::None, None)?;
        let value = self.value.forward(content, Activation::None, None)?;
        self.attention.forward(&query_key, &value)
    }
}

impl MultiheadAttention {
    /// Parameters under `vs`: `in_proj_weight` `[3C, C]` (rows q, k, v), `in_proj_bias` `[3C]`,
    /// `out_proj.{weight, bias}`.
    pub(crate) fn new(vs: &nn::Path<'_>, hidden_dim: i64, num_heads: i64, dropout: f64) -> Self {
        Self {
            in_proj_weight: vs.zeros("in_proj_weight", &[3 * hidden_dim, hidden_dim]),
            in_proj_bias: vs.zeros("in_proj_bias", &[3 * hidden_dim]),
            out_proj: Linear::new(&(vs / "out_proj"), hidden_dim, hidden_dim),
            num_heads,
            dropout,
            packed: None,
        }
    }

    /// Lays the weights out for inference; call again after they have changed.
    pub(crate) fn prepare_inference(&mut self, precision: Precision) {
        self.packed = self.pack(precision == Precision::Bf16);
        self.out_proj.prepare_inference(precision);
    }

    fn pack(&self, bf16: bool) -> Option<Packed> {
        let pack = |(weight, bias): (Tensor, Tensor)| {
            PackedLinear::new(Affine { weight: &weight, bias: &bias }, bf16)
        };
        let takes = (self.in_proj_weight.size()[1] / self.num_heads) % 2 == 0;
        let attention = SelfAttention::new(self.num_heads as usize, bf16).filter(|_| takes)?;
        Some(Packed { query_key: pack(self.rows(0, 2))?, value: pack(self.rows(2, 1))?, attention })
    }

    /// Weight and bias of `count` of the three input projections.
    fn rows(&self, first: i64, count: i64) -> (Tensor, Tensor) {
        let channels = self.in_proj_weight.size()[1];
        let weight = self.in_proj_weight.narrow(0, first * channels, count * channels);
        (weight, self.in_proj_bias.narrow(0, first * channels, count * channels))
    }

    /// Attends from `content + position` to itself and reads `content`; `after` follows the output
    /// projection.
    ///
    /// # Shapes
    ///
    /// - `content`: `[N, Q, C]`
    /// - `position`: broadcast to it
    /// - output: `[N, Q, C]`
    pub(crate) fn forward_then(
        &self,
        content: &Tensor,
        position: &Tensor,
        train: bool,
        after: &After<'_>,
    ) -> Tensor {
        let with_position = content + position;
        let packed = self.packed.as_ref().filter(|_| !train && !content.requires_grad());
        let read = match packed {
            Some(packed) => packed.read(&with_position, content),
            None => self.read(&with_position, content, train),
        };
        let read = read.expect("the projections have the channels of the queries");
        self.out_proj.forward_then(&read, after)
    }

    /// What the heads read from `content`, `[N, Q, C]`.
    fn read(
        &self,
        with_position: &Tensor,
        content: &Tensor,
        train: bool,
    ) -> Result<Tensor, OpsError> {
        let (batch, queries, channels) = content.size3().expect("queries are [N, Q, C]");
        let head_dim = channels / self.num_heads;
        let project = |input: &Tensor, (weight, bias): (Tensor, Tensor)| {
            linear(input, &weight, &bias, &After::NOTHING)
        };
        let query_key = project(with_position, self.rows(0, 2))?; // [N, Q, 2C]
        let value = project(content, self.rows(2, 1))?;
        let heads = |tensor: &Tensor| {
            tensor.reshape([batch, queries, self.num_heads, head_dim]).transpose(1, 2) // [N, M, Q, D]
        };
        let query = heads(&query_key.narrow(2, 0, channels));
        let key = heads(&query_key.narrow(2, channels, channels));
        let value = heads(&value);
        let dropout = if train { self.dropout } else { 0.0 };
        let read = if dropout > 0.0 && query.device() == Device::Cpu {
            read_with_dropout(&query, &key, &value, dropout)
        } else {
            // softmax(q kᵀ / √D) v, [N, M, Q, D]
            let (mask, scale) = (None::<&Tensor>, None);
            Tensor::scaled_dot_product_attention(
                &query, &key, &value, mask, dropout, false, scale, false,
            )
        };
        Ok(read.transpose(1, 2).reshape([batch, queries, channels]))
    }
}

/// `dropout(softmax(q kᵀ / √D)) v`, `[N, M, Q, D]`. On the CPU, libtorch's own form draws the choice on one thread.
fn read_with_dropout(query: &Tensor, key: &Tensor, value: &Tensor, p: f64) -> Tensor {
    let head_dim = query.size()[3] as f64;
    let logits = (query * head_dim.powf(-0.5)).matmul(&key.transpose(2, 3)); // [N, M, Q, Q]
    let weights = logits.softmax(-1, logits.kind());
    dropout(weights, p, true).matmul(value)
}

#[cfg(test)]
mod tests;
