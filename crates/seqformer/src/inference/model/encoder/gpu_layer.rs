//! An encoder layer on a GPU: few launches, and tokens in the kind that the next product takes.

use seqformer_cuda::kernels::NormedSum;
use seqformer_ops::fused::After;
use tch::{Kind, Tensor};

use crate::Precision;
use crate::prepared_layers::PreparedJoinedPoints;
use crate::transformer::{EncoderLayer, Frames};

/// [`EncoderLayer`] without gradients. Residuals are summed in `f32`; in mixed precision the norms also leave their result in
/// `bf16`, so that no product has to convert the tokens.
#[derive(Debug)]
pub(crate) struct GpuEncoderLayer {
    layer: EncoderLayer,
    /// If both projections of a query have the same precision.
    points: Option<PreparedJoinedPoints>,
    with_rounded: bool,
}

impl GpuEncoderLayer {
    pub(crate) fn new(layer: &EncoderLayer, precision: Precision) -> Self {
        Self {
            layer: layer.detach(),
            points: PreparedJoinedPoints::new(&layer.self_attn, precision),
            with_rounded: precision == Precision::Bf16,
        }
    }

    /// `[N * T, S, C]` → the same shape
    pub(crate) fn forward(&self, tokens: &NormedSum, frames: &Frames) -> NormedSum {
        let layer = &self.layer;
        let full = tokens.full.to_kind(Kind::Float);
        let read = self.read(tokens, &(&full + &frames.positions), frames);
        let read = layer.self_attn.project_then(&read, &After::NOTHING);
        let tokens = layer.norm1.forward_sum(&read, &full, self.with_rounded);
        let hidden = layer.linear1.forward_then(for_products(&tokens), &After::RELU);
        let update = layer.linear2.forward_then(&hidden, &After::NOTHING);
        layer.norm2.forward_sum(&update, &tokens.full, self.with_rounded)
    }

    fn read(&self, tokens: &NormedSum, queries: &Tensor, frames: &Frames) -> Tensor {
        let attention = &self.layer.self_attn;
        let (references, levels) = (&frames.references, &frames.levels);
        let (padding, tokens) = (frames.padding.as_ref(), for_products(tokens));
        match &self.points {
            Some(points) => {
                let values = attention.values(tokens, None);
                points.read_around(&values, queries, references, levels, padding)
            }
            None => attention.read_around(tokens, queries, references, levels, padding),
        }
    }
}

/// The tokens in the smallest kind that there is.
fn for_products(tokens: &NormedSum) -> &Tensor {
    tokens.rounded.as_ref().unwrap_or(&tokens.full)
}
