//! Copies of per-frame features.

use tch::Tensor;

use super::frame_features::{BoxOutput, FrameFeatures, LayerFeatures};

impl FrameFeatures {
    /// Copies all tensors, because those of a graph are overwritten by its next replay.
    pub(crate) fn copy(&self) -> Self {
        Self { layers: self.layers.iter().map(LayerFeatures::copy).collect() }
    }
}

impl LayerFeatures {
    fn copy(&self) -> Self {
        Self {
            features: self.features.copy(),
            scores: self.scores.copy(),
            boxes: self.boxes.as_ref().map(BoxOutput::copy),
        }
    }
}

impl BoxOutput {
    fn copy(&self) -> Self {
        let copy = Tensor::copy;
        Self {
            box_queries: copy(&self.box_queries),
            references: copy(&self.references),
            pred_boxes: copy(&self.pred_boxes),
        }
    }
}
