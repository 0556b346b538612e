//! Per-frame features from the decoder's box queries, which the instance queries aggregate over frames.

use tch::Tensor;

use super::temporal_aggregation::RunningMean;

/// The box queries' features of some frames: everything that the instance queries need of these frames.
///
/// Box queries attend to their own frame only, so clips that share a frame share its features.
#[derive(Debug)]
pub struct FrameFeatures {
    /// One entry per decoder layer.
    pub(crate) layers: Vec<LayerFeatures>,
}

/// The box queries' features of `T'` frames in one decoder layer.
#[derive(Debug)]
pub(crate) struct LayerFeatures {
    /// For the instance queries, `[N, T', Q, C]`.
    pub(crate) features: Tensor,
    /// Logits of the frame weights, before the softmax over frames, `[N, T', Q, 1]`.
    pub(crate) scores: Tensor,
    /// Present in layers whose results are kept.
    pub(crate) boxes: Option<BoxOutput>,
}

/// The box queries' results in one layer; see [`super::DecoderLayerOutput`].
#[derive(Debug)]
pub(crate) struct BoxOutput {
    pub(crate) box_queries: Tensor,
    pub(crate) references: Tensor,
    pub(crate) pred_boxes: Tensor,
}

/// Temporal aggregation as frames arrive: the weighted mean over frames for the instance queries of every layer.
#[derive(Debug, Default)]
pub struct RunningAggregation {
    pub(crate) layers: Vec<RunningMean>,
}

impl FrameFeatures {
    /// The features of each frame by itself.
    pub(crate) fn split(&self) -> Vec<Self> {
        let num_frames = self.layers.first().map_or(0, |layer| layer.scores.size()[1]);
        let frame = |index: i64| Self {
            layers: self.layers.iter().map(|layer| layer.frame(index)).collect(),
        };
        (0..num_frames).map(frame).collect()
    }

    /// The results of the last layer.
    pub(crate) fn into_boxes(self) -> BoxOutput {
        let last = self.layers.into_iter().next_back().and_then(|layer| layer.boxes);
        last.expect("the last layer's results are always kept")
    }
}

impl LayerFeatures {
    fn frame(&self, index: i64) -> Self {
        let frame = |tensor: &Tensor| tensor.narrow(1, index, 1);
        let boxes = self.boxes.as_ref().map(|boxes| BoxOutput {
            box_queries: frame(&boxes.box_queries),
            references: frame(&boxes.references),
            pred_boxes: frame(&boxes.pred_boxes),
        });
        Self { features: frame(&self.features), scores: frame(&self.scores), boxes }
    }
}

impl BoxOutput {
    /// Concatenates the frames of several parts.
    pub(super) fn join(parts: &[&Self]) -> Self {
        let join = |pick: fn(&Self) -> &Tensor| {
            Tensor::cat(&parts.iter().map(|part| pick(part)).collect::<Vec<_>>(), 1)
        };
        Self {
            box_queries: join(|part| &part.box_queries),
            references: join(|part| &part.references),
            pred_boxes: join(|part| &part.pred_boxes),
        }
    }
}

impl RunningAggregation {
    /// Adds the next frames.
    pub(crate) fn add(&mut self, features: &FrameFeatures) {
        self.layers.resize_with(features.layers.len(), RunningMean::default);
        for (mean, layer) in self.layers.iter_mut().zip(&features.layers) {
            mean.add(&layer.features, &layer.scores);
        }
    }
}
