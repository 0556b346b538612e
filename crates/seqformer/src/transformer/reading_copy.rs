//! Readings in memory of their own.

use tch::Tensor;

use super::frame_reading::{BoxOutput, FrameReading, LayerReading};

impl FrameReading {
    /// The same numbers in new tensors: those of a graph are overwritten when it runs again.
    pub(crate) fn copy(&self) -> Self {
        Self { layers: self.layers.iter().map(LayerReading::copy).collect() }
    }
}

impl LayerReading {
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
