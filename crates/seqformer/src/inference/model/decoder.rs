//! Decoder layers with optimized kernels; frames may come in several parts.

mod layer;

use tch::Tensor;

use self::layer::PreparedDecoderLayer;
use crate::Precision;
use crate::prepared_layers::PreparedMlp;
use crate::transformer::{
    BoxQueries, Decoder, DecoderOutput, FrameFeatures, KeepLayers, Queries, RunningAggregation,
    RunningMean, TokenLayout, aggregate,
};

/// All decoder layers and the box head of each, prepared.
#[derive(Debug)]
pub(crate) struct PreparedDecoder {
    pub(super) layers: Vec<PreparedDecoderLayer>,
    pub(super) bbox_embed: Vec<PreparedMlp>,
}

impl PreparedDecoder {
    pub(crate) fn new(decoder: Decoder, precision: Precision) -> Self {
        let layers = decoder.layers.into_iter();
        let heads = decoder.bbox_embed.into_iter();
        Self {
            layers: layers.map(|layer| PreparedDecoderLayer::new(&layer, precision)).collect(),
            bbox_embed: heads.map(|head| PreparedMlp::new(&head, precision)).collect(),
        }
    }

    /// Runs the box queries through all layers on some frames: `tokens` are `[N, T', S, C]`.
    pub(crate) fn read_frames(
        &self,
        queries: &Queries,
        tokens: &Tensor,
        layout: &TokenLayout,
        keep: KeepLayers,
    ) -> FrameFeatures {
        let mut boxes = BoxQueries::new(queries, tokens);
        let mut features = Vec::with_capacity(self.layers.len());
        for (index, (layer, bbox_embed)) in self.layers.iter().zip(&self.bbox_embed).enumerate() {
            let read = layer.read_frames(&boxes.input(queries, tokens), layout);
            let delta = bbox_embed.forward_full(&read.boxes);
            features.push(boxes.advance(read, &delta, keep.keeps(index, self.layers.len())));
        }
        FrameFeatures { layers: features }
    }

    /// Runs the instance queries through all layers, given the features of all frames of a clip, in parts.
    pub(crate) fn decode(&self, queries: &Queries, parts: &[&FrameFeatures]) -> DecoderOutput {
        let gathered = (0..self.layers.len()).map(|layer| aggregate(parts, layer));
        DecoderOutput::new(self.instances(queries, gathered), parts)
    }

    /// The instance queries after the last layer, `[N, Q, C]`.
    pub(crate) fn decode_running(
        &self,
        queries: &Queries,
        aggregation: &RunningAggregation,
    ) -> Tensor {
        let gathered = aggregation.layers.iter().map(RunningMean::mean);
        self.instances(queries, gathered).pop().expect("a decoder has layers")
    }

    /// The instance queries after each layer; `gathered` is the aggregation of each layer, `[N, Q, C]`.
    fn instances(&self, queries: &Queries, gathered: impl Iterator<Item = Tensor>) -> Vec<Tensor> {
        let mut outputs: Vec<Tensor> = Vec::with_capacity(self.layers.len());
        for (layer, gathered) in self.layers.iter().zip(gathered) {
            let instances = match outputs.last() {
                Some(instances) => instances.shallow_clone(),
                None => queries.of_clips(gathered.size()[0]),
            };
            outputs.push(layer.update_instances(&instances, &queries.positions, &gathered));
        }
        outputs
    }
}
