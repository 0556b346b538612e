//! A few linear layers with ReLU between them.

use seqformer_ops::precision::full_precision;
use tch::{Kind, Tensor, nn};

use super::Linear;

/// The box head and the controller of dynamic mask parameters. Reference: VNext `models/deformable_detr.py`, `MLP`.
#[derive(Debug)]
pub(crate) struct Mlp {
    pub(crate) layers: Vec<Linear>,
}

impl Mlp {
    /// Three layers with `hidden` channels between them.
    ///
    /// Parameters under `vs`: `layers.{0, 1, 2}.{weight, bias}`.
    pub(crate) fn new(vs: &nn::Path<'_>, inputs: i64, hidden: i64, outputs: i64) -> Self {
        let vs = vs / "layers";
        let sizes = [(inputs, hidden), (hidden, hidden), (hidden, outputs)];
        let layers =
            sizes.iter().enumerate().map(|(i, &(from, to))| Linear::new(&(&vs / i), from, to));
        Self { layers: layers.collect() }
    }

    /// The same in the precision of the parameters, even within mixed precision.
    pub(crate) fn forward_full(&self, input: &Tensor) -> Tensor {
        full_precision(|| self.forward(&input.to_kind(Kind::Float)))
    }

    /// `[…, inputs]` → `[…, outputs]`
    fn forward(&self, input: &Tensor) -> Tensor {
        let (last, hidden) = self.layers.split_last().expect("there are three layers");
        let hidden =
            hidden.iter().fold(input.shallow_clone(), |input, layer| layer.forward_relu(&input));
        last.forward(&hidden)
    }
}
