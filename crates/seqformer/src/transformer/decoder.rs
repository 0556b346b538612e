//! Layers in which instance queries gather one feature from all frames.
//!
//! SeqFormer (arXiv:2112.08275), section 3.2: a box query on every frame finds the instance there, and
//! the instance query sums what the box queries read. Reference: VNext `models/deformable_transformer.py`,
//! `DeformableTransformerDecoder`, `DeformableTransformerDecoderLayer`.

mod layer;

use std::rc::Rc;

use tch::{Tensor, nn};

use self::layer::{DecoderLayer, ReadInput, read_again};
use super::frame_reading::{BoxOutput, FrameReading, LayerReading, RunningReading};
use super::temporal_aggregation::{RunningMean, mean_over_frames};
use super::{TokenLayout, inverse_sigmoid};
use crate::Precision;
use crate::config::TransformerConfig;
use crate::layers::Mlp;

/// All decoder layers and the box head of each.
#[derive(Debug)]
pub(crate) struct Decoder {
    layers: Vec<Rc<DecoderLayer>>,
    bbox_embed: Vec<Mlp>,
    /// Whether training runs layers again for the gradients instead of keeping their inside.
    pub(crate) recompute: bool,
}

/// Which layers' results the caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepLayers {
    /// Every layer: training supervises all of them.
    All,
    /// The last layer: inference needs no more.
    Last,
}

/// The results of one decoder layer.
#[derive(Debug)]
pub struct DecoderLayerOutput {
    /// Instance queries, `[N, Q, C]`.
    pub instance_queries: Tensor,
    /// Box queries, `[N, T, Q, C]`.
    pub box_queries: Tensor,
    /// What the layer's boxes are relative to, `[N, T, Q, 2]` in layer 0, then `[N, T, Q, 4]`.
    pub references: Tensor,
    /// Boxes (cx, cy, w, h) in 0..1 of the padded image, `[N, T, Q, 4]`.
    pub pred_boxes: Tensor,
}

/// The results of the layers that were kept, in their order.
#[derive(Debug)]
pub struct DecoderOutput {
    /// At least the last layer.
    pub layers: Vec<DecoderLayerOutput>,
}

/// The learned start of the decoder.
#[derive(Debug)]
pub(crate) struct Queries {
    /// `[Q, C]`
    pub(crate) positions: Tensor,
    /// `[Q, C]`
    pub(crate) content: Tensor,
    /// (x, y) in 0..1, `[Q, 2]`
    pub(crate) reference_points: Tensor,
}

impl Decoder {
    /// Parameters under `vs`: `layers.{i}.…`, `bbox_embed.{i}.layers.{0, 1, 2}`.
    pub(crate) fn new(vs: &nn::Path<'_>, config: &TransformerConfig) -> Self {
        let dim = config.hidden_dim;
        let (layers, heads) = (vs / "layers", vs / "bbox_embed");
        let count = 0..config.num_decoder_layers;
        Self {
            recompute: false,
            layers: count
                .clone()
                .map(|i| Rc::new(DecoderLayer::new(&(&layers / i), config)))
                .collect(),
            bbox_embed: count.map(|i| Mlp::new(&(&heads / i), dim, dim, 4)).collect(),
        }
    }

    /// Lays the weights out for inference; call again after they have changed.
    pub(crate) fn prepare_inference(&mut self, precision: Precision) {
        for layer in &mut self.layers {
            Rc::get_mut(layer)
                .expect("no backward pass is open while a network is changed")
                .prepare_inference(precision);
        }
        // Boxes are added up in full.
        for bbox_embed in &mut self.bbox_embed {
            bbox_embed.prepare_inference(precision);
        }
    }

    /// Decodes the queries from all frames of `N` clips: `parts` are `[N, T', S, C]` each.
    pub(crate) fn forward_t(
        &self,
        queries: &Queries,
        parts: &[Tensor],
        layout: &TokenLayout,
        keep: KeepLayers,
        train: bool,
    ) -> DecoderOutput {
        let read = |tokens: &Tensor| self.read_frames(queries, tokens, layout, keep, train);
        let readings: Vec<FrameReading> = parts.iter().map(read).collect();
        self.decode(queries, &readings.iter().collect::<Vec<_>>(), train)
    }

    /// The box queries' way through all layers on some frames: `[N, T', S, C]`.
    pub(crate) fn read_frames(
        &self,
        queries: &Queries,
        tokens: &Tensor,
        layout: &TokenLayout,
        keep: KeepLayers,
        train: bool,
    ) -> FrameReading {
        let (batch, num_frames) = (tokens.size()[0], tokens.size()[1]);
        let (num_queries, channels) = queries.content.size2().expect("queries are [Q, C]");
        // Before layer 0 the box queries are the same on all frames.
        let content = queries.content.unsqueeze(0).expand([batch, num_queries, channels], false);
        let mut boxes = content.unsqueeze(1);
        let mut references = queries
            .reference_points
            .view([1, 1, num_queries, 2])
            .expand([batch, num_frames, -1, -1], false);
        let mut layers = Vec::new();
        for (index, (layer, bbox_embed)) in self.layers.iter().zip(&self.bbox_embed).enumerate() {
            let input = ReadInput {
                boxes: &boxes,
                positions: &queries.positions,
                references: &references,
                tokens,
            };
            let read = if self.recompute && train {
                read_again(layer, &input, layout)
            } else {
                layer.read_frames(&input, layout, train)
            };
            let pred_boxes = refine(&bbox_embed.forward_full(&read.boxes), &references);
            let next = pred_boxes.detach();
            let kept = keep == KeepLayers::All || index + 1 == self.layers.len();
            let output = kept.then(|| BoxOutput {
                box_queries: read.boxes.shallow_clone(),
                references: references.shallow_clone(),
                pred_boxes,
            });
            layers.push(LayerReading {
                features: read.features,
                scores: read.scores,
                boxes: output,
            });
            (boxes, references) = (read.boxes, next);
        }
        FrameReading { layers }
    }

    /// The instance queries' way through all layers, from the readings of all frames of a clip, in parts.
    pub(crate) fn decode(
        &self,
        queries: &Queries,
        parts: &[&FrameReading],
        train: bool,
    ) -> DecoderOutput {
        let layers = 0..self.layers.len();
        let gathered = layers.clone().map(|index| {
            let pick = |pick: fn(&LayerReading) -> &Tensor| {
                let parts: Vec<&Tensor> =
                    parts.iter().map(|part| pick(&part.layers[index])).collect();
                Tensor::cat(&parts, 1)
            };
            mean_over_frames(&pick(|layer| &layer.features), &pick(|layer| &layer.scores))
        });
        let instances = self.instances(queries, gathered, train);
        let outputs = instances.into_iter().zip(layers).filter_map(|(instance_queries, index)| {
            let boxes: Option<Vec<&BoxOutput>> =
                parts.iter().map(|part| part.layers[index].boxes.as_ref()).collect();
            let BoxOutput { box_queries, references, pred_boxes } = BoxOutput::join(&boxes?);
            Some(DecoderLayerOutput { instance_queries, box_queries, references, pred_boxes })
        });
        DecoderOutput { layers: outputs.collect() }
    }

    /// The instance queries after the last layer, `[N, Q, C]`.
    pub(crate) fn decode_running(&self, queries: &Queries, reading: &RunningReading) -> Tensor {
        let gathered = reading.layers.iter().map(RunningMean::mean);
        self.instances(queries, gathered, false).pop().expect("a decoder has layers")
    }

    /// The instance queries after each layer; `gathered` is `[N, Q, C]` for each layer.
    fn instances(
        &self,
        queries: &Queries,
        gathered: impl Iterator<Item = Tensor>,
        train: bool,
    ) -> Vec<Tensor> {
        let mut instances: Option<Tensor> = None;
        let run = |(layer, gathered): (&Rc<DecoderLayer>, Tensor)| {
            let start = match instances.take() {
                Some(instances) => instances,
                None => queries.content.unsqueeze(0).expand_as(&gathered),
            };
            let output = layer.update_instances(&start, &queries.positions, gathered, train);
            instances = Some(output.shallow_clone());
            output
        };
        self.layers.iter().zip(gathered).map(run).collect()
    }
}

/// Moves references by the head's output: `[N, T, Q, 4]` and `[N, T, Q, 2 or 4]` → `[N, T, Q, 4]`.
fn refine(delta: &Tensor, references: &Tensor) -> Tensor {
    let start = inverse_sigmoid(references);
    if references.size()[3] == 4 {
        return (delta + start).sigmoid();
    }
    let centre = delta.narrow(-1, 0, 2) + start;
    Tensor::cat(&[centre, delta.narrow(-1, 2, 2)], -1).sigmoid()
}
