//! A layer of a deformable encoder or decoder as one operation, for inference.
//!
//! Each query predicts sampling points, attends to the tokens there, and passes through the feed-forward network. In an
//! encoder the tokens are the queries. Products are computed by our own kernels on blocks of queries or by oneDNN's
//! micro-kernels, and no intermediate tensor is written. Not available on processors and builds without either, and for
//! sizes that they do not support.

use tch::{Kind, Tensor};

use crate::machine::machine;
use crate::packed_linear::{WeightBias, failed, has_products, numbers, pack};
use crate::slices::{self, TensorNumber};
use crate::{FeatureLevels, OpsError};
use seqformer_kernels::deformable_layer::{
    self, DeformableLayerInputs, Outputs, References, Weights,
};
use seqformer_kernels::norm::Norm;
use seqformer_kernels::{Bf16, Machine, RowSums, Shape, head_values};

const OPERATION: &str = "deformable_layer";

/// The parameters of a layer with `C` channels, `M` heads, `L` levels and `P` points per level.
#[derive(Debug, Clone, Copy)]
pub struct DeformableLayerParameters<'a> {
    /// `[C, C]`
    pub value_proj: WeightBias<'a>,
    /// `[M * L * P * 2, C]`
    pub sampling_offsets: WeightBias<'a>,
    /// `[M * L * P, C]`
    pub attention_weights: WeightBias<'a>,
    /// Output projection, whose result is added to the queries, `[C, C]`.
    pub output_proj: WeightBias<'a>,
    /// Second output projection, a separate result, `[C, C]`.
    pub second_output_proj: Option<WeightBias<'a>>,
    /// Layer norm after the attention, `[C]`.
    pub norm1: WeightBias<'a>,
    /// `[F, C]`
    pub linear1: WeightBias<'a>,
    /// `[C, F]`
    pub linear2: WeightBias<'a>,
    /// Layer norm after the feed-forward network, `[C]`.
    pub norm2: WeightBias<'a>,
    /// Added to the variances of the layer norms.
    pub eps: f64,
    /// `M`
    pub num_heads: usize,
    /// `P`
    pub num_points: usize,
}

/// A layer with packed weights.
#[derive(Debug)]
pub struct DeformableLayer {
    weights: PackedWeights,
    num_heads: usize,
    num_points: usize,
    /// `C`
    width: usize,
}

#[derive(Debug)]
enum PackedWeights {
    F32(Weights<f32>),
    Bf16(Weights<Bf16>),
}

/// The inputs of a layer.
#[derive(Debug, Clone, Copy)]
pub struct DeformableLayerInput<'a> {
    /// `[N, S, C]`, `f32`
    pub tokens: &'a Tensor,
    /// `[N or 1, Q, C]`, `f32`; `None` means the tokens.
    pub queries: Option<&'a Tensor>,
    /// Added to the queries to predict points, `[N or 1, Q, C]`.
    pub positions: &'a Tensor,
    /// In units of each whole map: points (x, y), `[N or 1, Q, L, 2]`, with offsets in cells, or boxes (cx, cy, w, h),
    /// `[N or 1, Q, L, 4]`, with offsets from their centres in half box sizes, divided by `P`.
    pub references: &'a Tensor,
    /// `[N or 1, S]`, true = the token's value counts as zero.
    pub padding: Option<&'a Tensor>,
}

/// The results of a layer, `[N, Q, C]` each, `f32`.
#[derive(Debug)]
pub struct DeformableLayerOutput {
    /// The queries after the layer.
    pub queries: Tensor,
    /// The second output projection of the attention, if there is one.
    pub second: Option<Tensor>,
}

impl DeformableLayer {
    /// Packs the weights, in `bf16` if requested. `None` if the kernel cannot replace plain operations.
    pub fn new(parameters: &DeformableLayerParameters<'_>, bf16: bool) -> Option<Self> {
        let width = parameters.norm1.weight.size()[0] as usize;
        let num_heads = parameters.num_heads;
        let takes = num_heads > 0
            && width.is_multiple_of(num_heads)
            && matches!(width / num_heads, 8 | 16 | 32 | 64)
            && parameters.linear1.bias.size()[0] % 2 == 0
            && parameters.norm1.weight.device() == tch::Device::Cpu;
        if !takes || !has_products(bf16) {
            return None;
        }
        let weights = if bf16 {
            PackedWeights::Bf16(packed(parameters)?)
        } else {
            PackedWeights::F32(packed(parameters)?)
        };
        Some(Self { weights, num_heads, num_points: parameters.num_points, width })
    }

    /// Runs the layer without a gradient.
    ///
    /// # Errors
    ///
    /// If a shape or kind is wrong, or memory runs out.
    pub fn forward(
        &self,
        input: &DeformableLayerInput<'_>,
        levels: &FeatureLevels,
    ) -> Result<DeformableLayerOutput, OpsError> {
        self.forward_by(input, levels, &machine())
    }

    fn forward_by(
        &self,
        input: &DeformableLayerInput<'_>,
        levels: &FeatureLevels,
        machine: &Machine<'_>,
    ) -> Result<DeformableLayerOutput, OpsError> {
        let (tokens, width) = (levels.num_tokens(), self.width as i64);
        let batch = input.tokens.size().first().copied().unwrap_or(0);
        check("tokens", input.tokens, batch, &[tokens, width], Kind::Float)?;
        let queries = input.queries.unwrap_or(input.tokens);
        let num_queries = queries.size().get(1).copied().unwrap_or(0);
        check("queries", queries, batch, &[num_queries, width], Kind::Float)?;
        check("positions", input.positions, batch, &[num_queries, width], Kind::Float)?;
        let numbers = if input.references.size().last() == Some(&4) { 4 } else { 2 };
        let references = [num_queries, levels.len() as i64, numbers];
        check("references", input.references, batch, &references, Kind::Float)?;
        if let Some(padding) = input.padding {
            check("padding", padding, batch, &[tokens], Kind::Bool)?;
        }
        let shape = Shape {
            batch: batch as usize,
            tokens: tokens as usize,
            heads: self.num_heads,
            channels: self.width / self.num_heads,
            queries: num_queries as usize,
            points: self.num_points,
            levels: levels.sizes().to_vec(),
        };
        let result = match &self.weights {
            PackedWeights::F32(weights) => run(weights, &shape, input, machine),
            PackedWeights::Bf16(weights) => run(weights, &shape, input, machine),
        };
        result.map_err(|message| OpsError::Torch { operation: OPERATION, message })
    }
}

fn packed<T: TensorNumber>(of: &DeformableLayerParameters<'_>) -> Option<Weights<T>> {
    let norm = |layer: WeightBias<'_>| {
        let (weight, bias) = (numbers(layer.weight)?, numbers(layer.bias)?);
        Some(Norm { weight, bias, eps: of.eps as f32 })
    };
    let join = |a: &Tensor, b: &Tensor| Tensor::cat(&[a, b], 0);
    let points = WeightBias {
        weight: &join(of.sampling_offsets.weight, of.attention_weights.weight),
        bias: &join(of.sampling_offsets.bias, of.attention_weights.bias),
    };
    Some(Weights {
        value: pack(of.value_proj)?,
        points: pack(points)?,
        output: pack(of.output_proj)?,
        second_output: match of.second_output_proj {
            Some(layer) => Some(pack(layer)?),
            None => None,
        },
        norm1: norm(of.norm1)?,
        linear1: pack(of.linear1)?,
        linear2: pack(of.linear2)?,
        norm2: norm(of.norm2)?,
    })
}

fn run<T: TensorNumber + RowSums>(
    weights: &Weights<T>,
    shape: &Shape,
    input: &DeformableLayerInput<'_>,
    machine: &Machine<'_>,
) -> Result<DeformableLayerOutput, String> {
    let queries = input.queries.unwrap_or(input.tokens);
    let [tokens, queries, positions, references] =
        [input.tokens, queries, input.positions, input.references].map(Tensor::contiguous);
    let padding = input.padding.map(Tensor::contiguous);
    let padding = padding.as_ref().and_then(slices::booleans).unwrap_or(&[]);
    let numbers = slices::elements(&references).ok_or("the references are not dense")?;
    let inputs = DeformableLayerInputs {
        shape,
        queries: slices::elements(&queries).ok_or("the queries are not dense")?,
        positions: slices::elements(&positions).ok_or("the positions are not dense")?,
        references: if references.size()[3] == 4 {
            References::Boxes(numbers)
        } else {
            References::Points(numbers)
        },
    };
    let projection = head_values::HeadValuesInputs {
        weights: &weights.value,
        heads: shape.heads,
        tokens_per_clip: shape.tokens,
        tokens: slices::elements(&tokens).ok_or("the tokens are not dense")?,
        padding,
    };
    let sizes = [shape.batch, shape.heads, shape.tokens, shape.channels].map(|size| size as i64);
    let values = slices::filled::<T>(&sizes, |out| {
        head_values::head_values(&projection, out, machine).map_err(failed)
    })?;
    let values = slices::elements::<T>(&values).ok_or("the values are not dense")?;
    let results = if weights.second_output.is_some() { 2 } else { 1 };
    let sizes = [results, shape.batch, shape.queries, shape.heads * shape.channels];
    let results = slices::filled::<f32>(&sizes.map(|size| size as i64), |out| {
        let (queries, second) = out.split_at_mut(sizes[1] * sizes[2] * sizes[3]);
        let out = Outputs { queries, second };
        deformable_layer::deformable_layer(weights, &inputs, values, out, machine).map_err(failed)
    })?;
    let second = weights.second_output.is_some().then(|| results.get(1));
    Ok(DeformableLayerOutput { queries: results.get(0), second })
}

/// Checks kind and shape, `[batch or 1, …]`.
fn check(
    argument: &'static str,
    tensor: &Tensor,
    batch: i64,
    rest: &[i64],
    kind: Kind,
) -> Result<(), OpsError> {
    let size = tensor.size();
    let fits =
        size.get(1..) == Some(rest) && (size[0] == batch || (size[0] == 1 && argument != "tokens"));
    if fits && tensor.kind() == kind && tensor.device() == tch::Device::Cpu {
        return Ok(());
    }
    let expected = format!("{kind:?} of [{batch} or 1, {rest:?}] on the CPU");
    let found = format!("{:?} of {size:?}", tensor.kind());
    Err(OpsError::Argument { operation: OPERATION, argument, expected, found })
}

#[cfg(test)]
mod tests;
