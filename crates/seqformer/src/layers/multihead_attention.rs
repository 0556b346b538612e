//! Softmax attention among queries, PyTorch's `nn.MultiheadAttention`.

use seqformer_ops::OpsError;
use seqformer_ops::fused::{After, linear};
use seqformer_ops::precision::full_precision;
use tch::{Device, Kind, Tensor, nn};

use super::{Linear, dropout};

/// Self-attention whose values do not include the position.
#[derive(Debug)]
pub(crate) struct MultiheadAttention {
    pub(crate) heads: AttentionHeads,
    pub(crate) out_proj: Linear,
}

/// All heads and their input projections.
#[derive(Debug)]
pub(crate) struct AttentionHeads {
    in_proj_weight: Tensor,
    in_proj_bias: Tensor,
    pub(crate) num_heads: i64,
    dropout: f64,
}

impl MultiheadAttention {
    /// Parameters under `vs`: `in_proj_weight` `[3C, C]` (rows q, k, v), `in_proj_bias` `[3C]`,
    /// `out_proj.{weight, bias}`.
    pub(crate) fn new(vs: &nn::Path<'_>, hidden_dim: i64, num_heads: i64, dropout: f64) -> Self {
        let heads = AttentionHeads {
            in_proj_weight: vs.zeros("in_proj_weight", &[3 * hidden_dim, hidden_dim]),
            in_proj_bias: vs.zeros("in_proj_bias", &[3 * hidden_dim]),
            num_heads,
            dropout,
        };
        Self { heads, out_proj: Linear::new(&(vs / "out_proj"), hidden_dim, hidden_dim) }
    }

    /// Self-attention with queries and keys `content + position` and values `content`; the epilogue `after` follows the
    /// output projection.
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
        after: &After<'_>,
    ) -> Tensor {
        let read = self.heads.read(&(content + position), content);
        let read = read.expect("the projections have the channels of the queries");
        self.out_proj.forward_then(&read, after)
    }
}

impl AttentionHeads {
    /// Heads that share the tensors of these, without gradients and dropout.
    pub(crate) fn detach(&self) -> Self {
        Self {
            in_proj_weight: self.in_proj_weight.detach(),
            in_proj_bias: self.in_proj_bias.detach(),
            num_heads: self.num_heads,
            dropout: 0.0,
        }
    }

    /// Channels of one head.
    pub(crate) fn head_dim(&self) -> i64 {
        self.in_proj_weight.size()[1] / self.num_heads
    }

    /// Weight and bias of `count` of the three input projections.
    pub(crate) fn rows(&self, first: i64, count: i64) -> (Tensor, Tensor) {
        let channels = self.in_proj_weight.size()[1];
        let weight = self.in_proj_weight.narrow(0, first * channels, count * channels);
        (weight, self.in_proj_bias.narrow(0, first * channels, count * channels))
    }

    /// The output of the heads, `[N, Q, C]`.
    pub(crate) fn read(
        &self,
        with_position: &Tensor,
        content: &Tensor,
    ) -> Result<Tensor, OpsError> {
        let (batch, queries, channels) = content.size3().expect("queries are [N, Q, C]");
        let project = |input: &Tensor, (weight, bias): (Tensor, Tensor)| {
            linear(input, &weight, &bias, &After::NOTHING)
        };
        let query_key = project(with_position, self.rows(0, 2))?; // [N, Q, 2C]
        let value = project(content, self.rows(2, 1))?;
        let heads = |tensor: &Tensor| {
            let heads = tensor.reshape([batch, queries, self.num_heads, self.head_dim()]);
            heads.transpose(1, 2) // [N, M, Q, D]
        };
        let query = heads(&query_key.narrow(2, 0, channels));
        let key = heads(&query_key.narrow(2, channels, channels));
        let value = heads(&value);
        let is_on_cpu = query.device() == Device::Cpu;
        let read = if self.dropout > 0.0 && is_on_cpu {
            read_with_dropout(&query, &key, &value, self.dropout)
        } else if is_on_cpu && query.kind() == Kind::BFloat16 {
            read_in_f32(&query, &key, &value).to_kind(Kind::BFloat16)
        } else {
            attend(&query, &key, &value, self.dropout)
        };
        Ok(read.transpose(1, 2).reshape([batch, queries, channels]))
    }
}

/// `softmax(q kᵀ / √D) v`, `[N, M, Q, D]`, by libtorch's fused operation.
fn attend(query: &Tensor, key: &Tensor, value: &Tensor, dropout: f64) -> Tensor {
    let (mask, scale) = (None::<&Tensor>, None);
    Tensor::scaled_dot_product_attention(query, key, value, mask, dropout, false, scale, false)
}

/// The same in `f32`. In `bf16` libtorch calls oneDNN for each block of each head of each frame on the CPU, which takes longer
/// than the products do: 7 times as long for 30 queries, and a quarter more for 300.
fn read_in_f32(query: &Tensor, key: &Tensor, value: &Tensor) -> Tensor {
    let [query, key, value] = [query, key, value].map(|tensor| tensor.to_kind(Kind::Float));
    full_precision(|| attend(&query, &key, &value, 0.0))
}

/// `dropout(softmax(q kᵀ / √D)) v`, `[N, M, Q, D]`. libtorch's fused form draws the dropout mask on a single CPU
/// thread.
fn read_with_dropout(query: &Tensor, key: &Tensor, value: &Tensor, p: f64) -> Tensor {
    let head_dim = query.size()[3] as f64;
    let logits = (query * head_dim.powf(-0.5)).matmul(&key.transpose(2, 3)); // [N, M, Q, Q]
    let weights = logits.softmax(-1, logits.kind());
    dropout(weights, p).matmul(value)
}

#[cfg(test)]
mod tests {
    use seqformer_ops::precision::autocast;
    use tch::{Device, Kind, Tensor, nn};

    use super::*;

    const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    /// Attentions on the same random weights, one of which drops with probability `p` and one nothing, and a batch of queries.
    fn attentions(p: f64) -> ([MultiheadAttention; 2], Tensor) {
        let vs = nn::VarStore::new(Device::Cpu);
        let dropping = MultiheadAttention::new(&vs.root(), 16, 4, p);
        tch::manual_seed(3);
        for (_, mut tensor) in
            vs.variables().into_iter().collect::<std::collections::BTreeMap<_, _>>()
        {
            tch::no_grad(|| tensor.copy_(&(Tensor::randn_like(&tensor) * 0.5)));
        }
        let plain = MultiheadAttention {
            heads: dropping.heads.detach(),
            out_proj: dropping.out_proj.detach(),
        };
        ([dropping, plain], Tensor::randn([2, 7, 16], ON_CPU))
    }

    /// The result and the gradient of the queries of its squares.
    fn run(attention: &MultiheadAttention, queries: &Tensor) -> [Tensor; 2] {
        let queries = queries.detach().set_requires_grad(true);
        let position = Tensor::zeros([1, 7, 16], ON_CPU);
        let out = attention.forward_then(&queries, &position, &After::NOTHING);
        out.square().sum(Kind::Float).backward();
        [out.detach(), queries.grad()]
    }

    #[test]
    fn dropout_that_drops_nothing_leaves_what_libtorch_computes() {
        // Less than one in all numbers of 32 bits.
        let ([dropping, plain], queries) = attentions(1e-12);
        let (with, without) = (run(&dropping, &queries), run(&plain, &queries));
        for (with, without) in with.iter().zip(&without) {
            // Of the largest number: gradients of these weights are in the hundreds.
            let largest = without.abs().max();
            let difference = ((with - without).abs().max() / &largest).double_value(&[]);
            assert!(difference < 1e-5, "{difference} of {largest}");
        }
    }

    #[test]
    fn mixed_precision_is_near_full_precision() {
        let ([_, plain], queries) = attentions(0.1);
        let expected = run(&plain, &queries);
        let found = autocast(Device::Cpu, || run(&plain, &queries));
        for (found, expected) in found.iter().zip(&expected) {
            let largest = expected.abs().max();
            let difference = ((found - expected).abs().max() / &largest).double_value(&[]);
            assert!(difference < 0.03, "{difference} of {largest}");
        }
    }

    #[test]
    fn the_mean_over_many_choices_is_the_result_without_dropout() {
        let ([dropping, plain], queries) = attentions(0.3);
        let expected = run(&plain, &queries)[0].shallow_clone();
        let draws: Vec<Tensor> =
            (0..2000).map(|_| run(&dropping, &queries)[0].shallow_clone()).collect();
        let draws = Tensor::stack(&draws, 0);
        let spread = draws.std_dim([0].as_slice(), true, false);
        assert!(spread.min().double_value(&[]) > 0.0, "something is dropped");
        // Six standard deviations of a mean of so many.
        let difference = (draws.mean_dim([0].as_slice(), false, Kind::Float) - expected).abs();
        let off = (difference / (spread / 2000_f64.sqrt())).max().double_value(&[]);
        assert!(off < 6.0, "{off}");
    }
}
