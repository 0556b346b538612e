//! What the decoder's box queries have read from frames, before the instance queries join the frames.

use tch::Tensor;

use super::temporal_aggregation::RunningMean;

/// What the box queries of some frames have read: all that the instance queries need of these frames.
///
/// Box queries look at their own frame alone, so that clips that share a frame share its reading.
#[derive(Debug)]
pub struct FrameReading {
    /// One for each decoder layer.
    pub(crate) layers: Vec<LayerReading>,
}

/// What the box queries of one layer have read from `T'` frames.
#[derive(Debug)]
pub(crate) struct LayerReading {
    /// For the instance queries, `[N, T', Q, C]`.
    pub(crate) features: Tensor,
    /// How much each frame counts, before the softmax, `[N, T', Q, 1]`.
    pub(crate) scores: Tensor,
    /// Of the layers whose results are kept.
    pub(crate) boxes: Option<BoxOutput>,
}

/// The box queries' results in one layer; see [`super::DecoderLayerOutput`].
#[derive(Debug)]
pub(crate) struct BoxOutput {
    pub(crate) box_queries: Tensor,
    pub(crate) references: Tensor,
    pub(crate) pred_boxes: Tensor,
}

/// The mean over frames that the instance queries of every layer take, while frames arrive.
#[derive(Debug, Default)]
pub struct RunningReading {
    pub(crate) layers: Vec<RunningMean>,
}

impl FrameReading {
    /// The readings of single frames.
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

impl LayerReading {
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
    /// Joins the frames of several parts.
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

impl RunningReading {
    /// Takes the next frames in.
    pub(crate) fn add(&mut self, reading: &FrameReading) {
        self.layers.resize_with(reading.layers.len(), RunningMean::default);
        for (mean, layer) in self.layers.iter_mut().zip(&reading.layers) {
            mean.add(&layer.features, &layer.scores);
        }
    }
}
