//! Linear layers with packed weights, for inference.
//!
//! Inputs and results are `f32`; the products are computed in `f32` or `bf16`, by our own kernels on blocks of rows or by
//! oneDNN's micro-kernels. Not available on processors and builds without either.

use tch::{Device, Kind, Tensor};

use crate::OpsError;
use crate::fused::Activation;
use crate::machine::machine;
use crate::precision::has_bf16_products;
use crate::slices::{self, TensorNumber};
use seqformer_kernels::NoProduct;
use seqformer_kernels::packed::Packed;
use seqformer_kernels::{Bf16, head_values, linear};

const OPERATION: &str = "packed_linear";

/// Weight and bias of a linear layer or of a norm.
#[derive(Debug, Clone, Copy)]
pub struct WeightBias<'a> {
    /// `[outputs, inputs]`
    pub weight: &'a Tensor,
    /// `[outputs]`
    pub bias: &'a Tensor,
}

/// `x Wᵀ + b` with a packed weight.
#[derive(Debug)]
pub struct PackedLinear {
    weights: PackedWeights,
}

#[derive(Debug)]
enum PackedWeights {
    F32(Packed<f32>),
    Bf16(Packed<Bf16>),
}

impl PackedLinear {
    /// Packs a weight, in `bf16` if requested. `None` if the kernel cannot replace plain operations.
    pub fn new(layer: WeightBias<'_>, bf16: bool) -> Option<Self> {
        let (outputs, inputs) = layer.weight.size2().ok()?;
        let takes = outputs > 0 && inputs > 0 && inputs % 2 == 0;
        if !takes || layer.bias.size() != [outputs] || !has_products(bf16) {
            return None;
        }
        let weights =
            if bf16 { PackedWeights::Bf16(pack(layer)?) } else { PackedWeights::F32(pack(layer)?) };
        Some(Self { weights })
    }

    fn sizes(&self) -> (usize, usize) {
        match &self.weights {
            PackedWeights::F32(packed) => (packed.inputs(), packed.outputs()),
            PackedWeights::Bf16(packed) => (packed.inputs(), packed.outputs()),
        }
    }

    /// `activation(x Wᵀ + b) + residual`, without a gradient.
    ///
    /// # Shapes
    ///
    /// - `input`: `[…, inputs]`, of any kind of float
    /// - `residual`, output: `[…, outputs]`, `f32`
    ///
    /// # Errors
    ///
    /// If a shape is wrong, or memory runs out.
    pub fn forward(
        &self,
        input: &Tensor,
        activation: Activation,
        residual: Option<&Tensor>,
    ) -> Result<Tensor, OpsError> {
        let (inputs, outputs) = self.sizes();
        let mut sizes = input.size();
        let last = sizes.last().copied();
        let fits = last == Some(inputs as i64) && input.device() == Device::Cpu;
        if !fits {
            return Err(wrong("input", format!("[…, {inputs}] on the CPU"), &sizes));
        }
        sizes.pop();
        sizes.push(outputs as i64);
        if let Some(residual) = residual.filter(|residual| residual.size() != sizes) {
            return Err(wrong("residual", format!("{sizes:?}"), &residual.size()));
        }
        let dense = |tensor: &Tensor| tensor.detach().to_kind(Kind::Float).contiguous();
        let (input, residual) = (dense(input), residual.map(dense));
        let relu = activation == Activation::Relu;
        let rows = Rows { input: &input, residual: residual.as_ref(), relu };
        let result = match &self.weights {
            PackedWeights::F32(packed) => map_rows(packed, &rows, &sizes),
            PackedWeights::Bf16(packed) => map_rows(packed, &rows, &sizes),
        };
        result.map_err(torch)
    }

    /// The values of `num_heads` heads in the weight's kind, contiguous by head and returned as a view by token.
    ///
    /// # Shapes
    ///
    /// - `tokens`: `[N, S, inputs]`
    /// - `padding`: `[N or 1, S]`, true = the value is zero
    /// - output: `[N, S, M, D]`, the transpose of a dense `[N, M, S, D]`
    ///
    /// # Errors
    ///
    /// If a shape is wrong, or memory runs out.
    pub fn head_values(
        &self,
        tokens: &Tensor,
        num_heads: usize,
        padding: Option<&Tensor>,
    ) -> Result<Tensor, OpsError> {
        let (inputs, outputs) = self.sizes();
        let found = tokens.size();
        let &[batch, num_tokens, width] = found.as_slice() else {
            return Err(wrong("tokens", format!("[N, S, {inputs}]"), &found));
        };
        if width != inputs as i64 || tokens.device() != Device::Cpu {
            return Err(wrong("tokens", format!("[N, S, {inputs}] on the CPU"), &found));
        }
        let channels = outputs.checked_div(num_heads).unwrap_or(0);
        if channels * num_heads != outputs || !matches!(channels, 8 | 16 | 32 | 64) {
            let expected = format!("a number of heads of 8, 16, 32 or 64 of {outputs} channels");
            return Err(wrong("num_heads", expected, &[num_heads as i64]));
        }
        if let Some(padding) = padding {
            let size = padding.size();
            if padding.kind() != Kind::Bool
                || (size != [1, num_tokens] && size != [batch, num_tokens])
            {
                let expected = format!("[{batch} or 1, {num_tokens}] of booleans");
                return Err(wrong("padding", expected, &size));
            }
        }
        let sizes = [batch, num_heads as i64, num_tokens, channels as i64];
        let result = match &self.weights {
            PackedWeights::F32(packed) => map_to_heads(packed, tokens, padding, &sizes),
            PackedWeights::Bf16(packed) => map_to_heads(packed, tokens, padding, &sizes),
        };
        Ok(result.map_err(torch)?.transpose(1, 2))
    }
}

fn wrong(argument: &'static str, expected: String, found: &[i64]) -> OpsError {
    let found = format!("{found:?}");
    OpsError::Argument { operation: OPERATION, argument, expected, found }
}

fn torch(message: String) -> OpsError {
    OpsError::Torch { operation: OPERATION, message }
}

pub(crate) fn failed(_: NoProduct) -> String {
    "this machine has no kernel for the products".to_owned()
}

/// The inputs of a linear layer besides its weights.
struct Rows<'a> {
    input: &'a Tensor,
    residual: Option<&'a Tensor>,
    relu: bool,
}

fn map_rows<T: TensorNumber>(
    weights: &Packed<T>,
    rows: &Rows<'_>,
    sizes: &[i64],
) -> Result<Tensor, String> {
    let inputs = linear::LinearInputs {
        weights,
        rows: slices::elements(rows.input).ok_or("the input is not dense")?,
        relu: rows.relu,
        residual: match rows.residual {
            Some(residual) => slices::elements(residual).ok_or("the residual is not dense")?,
            None => &[],
        },
    };
    slices::filled::<f32>(sizes, |out| linear::linear(&inputs, out, &machine()).map_err(failed))
}

fn map_to_heads<T: TensorNumber>(
    weights: &Packed<T>,
    tokens: &Tensor,
    padding: Option<&Tensor>,
    sizes: &[i64],
) -> Result<Tensor, String> {
    let tokens = tokens.detach().to_kind(Kind::Float).contiguous();
    let padding = padding.map(Tensor::contiguous);
    let inputs = head_values::HeadValuesInputs {
        weights,
        heads: sizes[1] as usize,
        tokens_per_clip: sizes[2] as usize,
        tokens: slices::elements(&tokens).ok_or("the tokens are not dense")?,
        padding: padding.as_ref().and_then(slices::booleans).unwrap_or(&[]),
    };
    slices::filled::<T>(sizes, |out| {
        head_values::head_values(&inputs, out, &machine()).map_err(failed)
    })
}

/// Whether this machine and build have block products of this kind.
pub(crate) fn has_products(bf16: bool) -> bool {
    fn try_product<T: TensorNumber>() -> bool {
        let identity = Packed::<T>::new(&[1.0, 0.0, 0.0, 1.0], &[0.0, 0.0]);
        let machine = machine();
        let can = identity.can_multiply(&machine);
        T::end_products(machine.products);
        can
    }
    if bf16 { has_bf16_products() && try_product::<Bf16>() } else { try_product::<f32>() }
}

/// Packs a weight; `None` if it is not `f32` on the CPU.
pub(crate) fn pack<T: TensorNumber>(layer: WeightBias<'_>) -> Option<Packed<T>> {
    Some(Packed::new(&numbers(layer.weight)?, &numbers(layer.bias)?))
}

/// The elements of a parameter; `None` if it is not `f32` on the CPU.
pub(crate) fn numbers(parameter: &Tensor) -> Option<Vec<f32>> {
    Some(slices::elements::<f32>(&parameter.detach().contiguous())?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
        assert_eq!(a.size(), b.size());
        (a.to_kind(Kind::Float) - b).abs().max().double_value(&[])
    }

    /// An affine map of `inputs` numbers whose results are about 1.
    fn affine(outputs: i64, inputs: i64) -> (Tensor, Tensor) {
        let weight = Tensor::randn([outputs, inputs], ON_CPU) / (inputs as f64).sqrt();
        (weight, Tensor::randn([outputs], ON_CPU))
    }

    #[test]
    fn rows_are_mapped_as_by_plain_operations() {
        tch::manual_seed(1);
        for (rows, inputs, outputs) in [(1, 2, 1), (63, 24, 40), (64, 256, 64), (150, 70, 129)] {
            let (weight, bias) = affine(outputs, inputs);
            let input = Tensor::randn([3, rows, inputs], ON_CPU);
            let residual = Tensor::randn([3, rows, outputs], ON_CPU);
            let plain = input.linear(&weight, Some(&bias));
            for (bf16, tolerance) in [(false, 1e-5), (true, 0.03)] {
                let layer = WeightBias { weight: &weight, bias: &bias };
                let Some(packed) = PackedLinear::new(layer, bf16) else { continue };
                let found = packed.forward(&input, Activation::None, None).unwrap();
                assert!(max_difference(&found, &plain) < tolerance);
                let found = packed.forward(&input, Activation::Relu, Some(&residual)).unwrap();
                assert!(max_difference(&found, &(plain.relu() + &residual)) < tolerance);
            }
        }
    }

    #[test]
    fn values_lie_by_head_and_padded_ones_are_zero() {
        tch::manual_seed(2);
        for (heads, channels) in [(8, 8), (3, 32), (5, 16), (2, 64)] {
            let (inputs, outputs) = (48, heads * channels);
            let (weight, bias) = affine(outputs, inputs);
            let tokens = Tensor::randn([2, 77, inputs], ON_CPU);
            let padding = Tensor::rand([2, 77], ON_CPU).lt(0.3);
            // A whole block too.
            let _padded = padding.narrow(1, 0, 70).get(1).fill_(1);
            let plain =
                tokens.linear(&weight, Some(&bias)).masked_fill(&padding.unsqueeze(-1), 0.0);
            let plain = plain.view([2, 77, heads, channels]);
            for (bf16, tolerance) in [(false, 1e-5), (true, 0.04)] {
                let layer = WeightBias { weight: &weight, bias: &bias };
                let Some(packed) = PackedLinear::new(layer, bf16) else { continue };
                let found = packed.head_values(&tokens, heads as usize, Some(&padding)).unwrap();
                assert!(found.transpose(1, 2).is_contiguous());
                assert_eq!(found.kind(), if bf16 { Kind::BFloat16 } else { Kind::Float });
                assert!(max_difference(&found, &plain) < tolerance);
            }
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_an_error() {
        let (weight, bias) = affine(6, 4);
        let Some(packed) = PackedLinear::new(WeightBias { weight: &weight, bias: &bias }, false)
        else {
            return;
        };
        let wrong = Tensor::randn([2, 5], ON_CPU);
        assert!(packed.forward(&wrong, Activation::None, None).is_err());
        let input = Tensor::randn([2, 4], ON_CPU);
        assert!(packed.forward(&input, Activation::None, Some(&input)).is_err());
        assert!(packed.head_values(&input.unsqueeze(0), 2, None).is_err());
        let odd = Tensor::randn([6, 3], ON_CPU);
        assert!(PackedLinear::new(WeightBias { weight: &odd, bias: &bias }, false).is_none());
    }
}
