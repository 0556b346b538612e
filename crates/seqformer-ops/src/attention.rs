//! Softmax attention of some queries to each other, for inference on the CPU.
//!
//! Inputs and results are `f32`; factors of the products are, too, or `bf16`. Products are oneDNN's
//! micro-kernels on blocks of queries. Processors and builds without such kernels have no such attention.

use tch::{Device, Kind, Tensor};

use crate::OpsError;
use crate::machine::machine;
use crate::packed_linear::{failed, has_products};
use crate::slices::{self, TensorNumber};
use seqformer_kernels::Bf16;
use seqformer_kernels::attention::{AttentionInputs, attention};

const OPERATION: &str = "self_attention";

/// Attention of `M` heads with a kernel of its own.
#[derive(Debug, Clone, Copy)]
pub struct SelfAttention {
    num_heads: usize,
    bf16: bool,
}

impl SelfAttention {
    /// Attention with factors in `bf16` if asked for; `None` where the kernel cannot take the place of plain
    /// operations.
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
    /// If the shapes do not fit, or there is no memory for the result.
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
mod tests;
