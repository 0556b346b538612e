//! Softmax self-attention of a small number of queries, for inference on the CPU.
//!
//! Inputs and results are `f32`; the products are computed in `f32` or `bf16`. It uses oneDNN's micro-kernels on blocks of
//! queries, and is not available on processors and builds without them.

use tch::{Device, Kind, Tensor};

use crate::OpsError;
use crate::machine::machine;
use crate::packed_linear::{failed, has_products};
use crate::slices::{self, TensorNumber};
use seqformer_kernels::Bf16;
use seqformer_kernels::attention::{AttentionInputs, attention};

const OPERATION: &str = "self_attention";

/// Attention with `M` heads by our own kernel.
#[derive(Debug, Clone, Copy)]
pub struct SelfAttention {
    num_heads: usize,
    bf16: bool,
}

impl SelfAttention {
    /// Attention, with products in `bf16` if requested. `None` if the kernel cannot replace plain operations.
    pub fn new(num_heads: usize, bf16: bool) -> Option<Self> {
        (num_heads > 0 && has_products(bf16)).then_some(Self { num_heads, bf16 })
    }

    /// `softmax(q kᵀ / √D) v` of every head, without a gradient.
    ///
    /// # Shapes
    ///
    /// - `query_key`: queries, then keys, `[N, Q, 2 * M * D]`, with an even `D`
    /// - `values`, output: `[N, Q, M * D]`, `f32`
    ///
    /// # Errors
    ///
    /// If a shape is wrong, or memory runs out.
    pub fn forward(&self, query_key: &Tensor, values: &Tensor) -> Result<Tensor, OpsError> {
        let (heads, sizes) = (self.num_heads, values.size());
        let &[batch, queries, width] = sizes.as_slice() else {
            return Err(wrong("values", "[N, Q, M * D]".to_owned(), values));
        };
        if !(width as usize).is_multiple_of(2 * heads) || width == 0 {
            let expected = format!("[N, Q, {heads} * D] with an even D");
            return Err(wrong("values", expected, values));
        }
        if query_key.size() != [batch, queries, 2 * width] {
            let expected = format!("[{batch}, {queries}, {}]", 2 * width);
            return Err(wrong("query_key", expected, query_key));
        }
        for (argument, tensor) in [("query_key", query_key), ("values", values)] {
            if tensor.kind() != Kind::Float || tensor.device() != Device::Cpu {
                return Err(wrong(argument, "f32 on the CPU".to_owned(), tensor));
            }
        }
        let [query_key, values] = [query_key, values].map(|tensor| tensor.detach().contiguous());
        let result = if self.bf16 {
            self.run::<Bf16>(&query_key, &values)
        } else {
            self.run::<f32>(&query_key, &values)
        };
        result.map_err(|message| OpsError::Torch { operation: OPERATION, message })
    }

    fn run<T: TensorNumber>(self, query_key: &Tensor, values: &Tensor) -> Result<Tensor, String> {
        let sizes = values.size();
        let inputs = AttentionInputs {
            query_key: slices::elements(query_key).ok_or("queries and keys are not dense")?,
            values: slices::elements(values).ok_or("the values are not dense")?,
            queries: sizes[1] as usize,
            heads: self.num_heads,
            channels: sizes[2] as usize / self.num_heads,
        };
        slices::filled::<f32>(&sizes, |out| {
            attention::<T>(&inputs, out, &machine()).map_err(failed)
        })
    }
}

fn wrong(argument: &'static str, expected: String, found: &Tensor) -> OpsError {
    let found = format!("{:?} of {:?}", found.kind(), found.size());
    OpsError::Argument { operation: OPERATION, argument, expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    /// The attention in plain operations.
    fn reference(query_key: &Tensor, values: &Tensor, heads: i64) -> Tensor {
        let (batch, queries, width) = values.size3().unwrap();
        let split = |tensor: &Tensor| {
            let tensor = tensor.to_kind(Kind::Double);
            tensor.reshape([batch, queries, heads, width / heads]).transpose(1, 2)
        };
        let (query, key) =
            (split(&query_key.narrow(2, 0, width)), split(&query_key.narrow(2, width, width)));
        let logits = query.matmul(&key.transpose(2, 3)) / ((width / heads) as f64).sqrt();
        let read = logits.softmax(-1, Kind::Double).matmul(&split(values));
        read.transpose(1, 2).reshape([batch, queries, width]).to_kind(Kind::Float)
    }

    fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
        assert_eq!(a.size(), b.size());
        (a - b).abs().max().double_value(&[])
    }

    #[test]
    fn heads_attend_as_by_plain_operations() {
        tch::manual_seed(1);
        for (batch, queries, heads, channels) in
            [(1, 300, 8, 32), (3, 1, 1, 2), (2, 33, 3, 6), (1, 64, 2, 64), (2, 17, 5, 10)]
        {
            let width = heads * channels;
            let query_key = Tensor::randn([batch, queries, 2 * width], ON_CPU) * 1.5;
            let values = Tensor::randn([batch, queries, width], ON_CPU);
            let expected = reference(&query_key, &values, heads);
            for (bf16, tolerance) in [(false, 1e-5), (true, 0.03)] {
                let Some(attention) = SelfAttention::new(heads as usize, bf16) else { continue };
                let found = attention.forward(&query_key, &values).unwrap();
                let difference = max_difference(&found, &expected);
                assert!(difference < tolerance, "{queries} queries, {heads} heads: {difference}");
            }
        }
    }

    #[test]
    fn huge_logits_do_not_overflow_and_nan_stays_in_its_rows() {
        let Some(attention) = SelfAttention::new(1, false) else { return };
        let query_key = Tensor::zeros([1, 20, 4], ON_CPU);
        let _filled = query_key.narrow(2, 0, 2).fill_(1e6);
        let _filled = query_key.narrow(1, 7, 1).narrow(2, 2, 2).fill_(1e6); // key 7 takes all
        let values = Tensor::arange(40, ON_CPU).view([1, 20, 2]);
        let found = attention.forward(&query_key, &values).unwrap();
        assert_eq!(max_difference(&found, &values.narrow(1, 7, 1).expand_as(&found)), 0.0);
        let _filled = query_key.narrow(1, 3, 1).narrow(2, 0, 2).fill_(f64::NAN);
        let is_nan = attention.forward(&query_key, &values).unwrap().isnan().any_dim(2, false);
        let rows: Vec<bool> = Vec::try_from(is_nan.get(0)).unwrap();
        assert!(rows.iter().enumerate().all(|(row, &is_nan)| is_nan == (row == 3)));
    }

    #[test]
    fn wrong_shapes_are_refused() {
        let Some(attention) = SelfAttention::new(4, false) else { return };
        let zeros = |size: &[i64]| Tensor::zeros(size, ON_CPU);
        assert!(attention.forward(&zeros(&[1, 5, 16]), &zeros(&[1, 5, 8])).is_ok());
        assert!(attention.forward(&zeros(&[1, 5, 8]), &zeros(&[1, 5, 4])).is_err());
        assert!(attention.forward(&zeros(&[1, 5, 16]), &zeros(&[1, 4, 8])).is_err());
        assert!(attention.forward(&zeros(&[5, 16]), &zeros(&[5, 8])).is_err());
        let double = zeros(&[1, 5, 8]).to_kind(Kind::Double);
        assert!(attention.forward(&zeros(&[1, 5, 16]), &double).is_err());
    }
}
