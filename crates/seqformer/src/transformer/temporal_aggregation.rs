//! Folds per-frame instance features into one feature for the whole clip.
//!
//! SeqFormer (arXiv:2112.08275), section 3.2: every frame is weighted by its box query. Reference: VNext
//! `models/deformable_transformer.py`, `DeformableTransformerDecoderLayer.forward`.

use tch::{Kind, Tensor, nn};

use crate::layers::Linear;

/// Learned weighted mean over the frames of a clip.
#[derive(Debug)]
pub(crate) struct TemporalAggregation {
    frame_score: Linear,
}

impl TemporalAggregation {
    /// Parameters under `vs`: `time_attention_weights.{weight, bias}`.
    pub(crate) fn new(vs: &nn::Path<'_>, hidden_dim: i64) -> Self {
        Self { frame_score: Linear::new(&(vs / "time_attention_weights"), hidden_dim, 1) }
    }

    /// Averages the features over frames, each weighted by its box query.
    ///
    /// # Shapes
    ///
    /// - `features`: `[N, T', Q, C]` each, together the `T` frames
    /// - `box_queries`: `[N, T, Q, C]`
    /// - output: `[N, Q, C]`
    pub(crate) fn forward(&self, features: &[Tensor], box_queries: &Tensor) -> Tensor {
        // Normalised over frames, not over queries.
        let weights = self.frame_score.forward(box_queries).softmax(1, Kind::Float); // [N, T, Q, 1]
        let mut first = 0;
        let sums = features.iter().map(|part| {
            let weights = weights.narrow(1, first, part.size()[1]);
            first += part.size()[1];
            (part * weights).sum_dim_intlist(1, false, Kind::Float) // [N, Q, C]
        });
        sums.reduce(|a, b| a + b).expect("a clip has frames")
    }
}
