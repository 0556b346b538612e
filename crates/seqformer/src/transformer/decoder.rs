//! Decoder layers, in which instance queries gather one feature from all frames.
//!
//! SeqFormer (arXiv:2112.08275), section 3.2: a box query in every frame finds the instance there, and the instance
//! query aggregates the box queries' features. Reference: VNext `models/deformable_transformer.py`,
//! `DeformableTransformerDecoder`, `DeformableTransformerDecoderLayer`.

#![expect(
    clippy::arc_with_non_send_sync,
    reason = "autograd may drop a recomputed part on a thread of its own"
)]

mod layer;

use std::sync::Arc;

use tch::{Tensor, nn};

use self::layer::read_checkpointed;
pub(crate) use self::layer::{DecoderLayer, ReadInput, ReadOutput, Stream};
use super::frame_features::{BoxOutput, FrameFeatures, LayerFeatures};
use super::temporal_aggregation::mean_over_frames;
use super::{TokenLayout, inverse_sigmoid};
use crate::config::{SeqFormerConfig, TransformerConfig};
use crate::layers::{Linear, Mlp};

/// All decoder layers and the box head of each.
#[derive(Debug)]
pub(crate) struct Decoder {
    pub(crate) layers: Vec<Arc<DecoderLayer>>,
    pub(crate) bbox_embed: Vec<Mlp>,
    /// Whether layers use activation checkpointing: the backward pass recomputes their activations.
    pub(crate) recompute: bool,
}

/// Which layers' results are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepLayers {
    /// Every layer, as training supervises all of them.
    All,
    /// The last layer, which is all that inference needs.
    Last,
}

/// The results of one decoder layer.
#[derive(Debug)]
pub struct DecoderLayerOutput {
    /// Instance queries, `[N, Q, C]`.
    pub instance_queries: Tensor,
    /// Box queries, `[N, T, Q, C]`.
    pub box_queries: Tensor,
    /// The references of the layer's boxes, `[N, T, Q, 2]` in layer 0, then `[N, T, Q, 4]`.
    pub references: Tensor,
    /// Boxes (cx, cy, w, h) in 0..1 of the padded image, `[N, T, Q, 4]`.
    pub pred_boxes: Tensor,
}

/// The results of the kept layers, in order.
#[derive(Debug)]
pub struct DecoderOutput {
    /// At least the last layer.
    pub layers: Vec<DecoderLayerOutput>,
}

/// The learned initial queries; those of `G` groups are `Q` together here, group by group.
#[derive(Debug)]
pub(crate) struct Queries {
    /// `[Q, C]`
    pub(crate) positions: Tensor,
    /// `[Q, C]`
    pub(crate) content: Tensor,
    /// (x, y) in 0..1, `[Q, 2]`
    pub(crate) reference_points: Tensor,
    /// Groups of equal size, whose queries do not see those of other groups.
    pub(crate) groups: i64,
}

impl Queries {
    /// The content for each of `batch` clips, `[N, Q, C]`.
    pub(crate) fn of_clips(&self, batch: i64) -> Tensor {
        self.content.unsqueeze(0).expand([batch, -1, -1], false)
    }
}

/// The learned parameters of [`Queries`].
#[derive(Debug)]
pub(crate) struct QueryEmbedding {
    /// Positions and content, `[Q, 2C]`.
    query_embed: Tensor,
    /// Those of the further groups in training, `[(G - 1) * Q, 2C]`.
    further_groups: Option<Tensor>,
    reference_points: Linear,
}

impl QueryEmbedding {
    /// Parameters: `weight` under `query_embed`, and `further_groups` if there are several; `{weight, bias}` under
    /// `reference_points`.
    pub(crate) fn new(
        query_embed: &nn::Path<'_>,
        reference_points: &nn::Path<'_>,
        config: &SeqFormerConfig,
    ) -> Self {
        let hidden_dim = config.transformer.hidden_dim;
        let embedding =
            |name, groups| query_embed.zeros(name, &[groups * config.num_queries, 2 * hidden_dim]);
        let further = config.query_groups - 1;
        Self {
            query_embed: embedding("weight", 1),
            further_groups: (further > 0).then(|| embedding("further_groups", further)),
            reference_points: Linear::new(reference_points, hidden_dim, 2),
        }
    }

    /// Parameters that share the tensors of these, without gradients.
    pub(crate) fn detach(&self) -> Self {
        Self {
            query_embed: self.query_embed.detach(),
            further_groups: None,
            reference_points: self.reference_points.detach(),
        }
    }

    /// The queries before the first layer.
    pub(crate) fn queries(&self) -> Queries {
        self.queries_of(&self.query_embed)
    }

    /// The queries of all groups before the first layer.
    pub(crate) fn queries_of_all_groups(&self) -> Queries {
        match &self.further_groups {
            Some(further) => self.queries_of(&Tensor::cat(&[&self.query_embed, further], 0)),
            None => self.queries(),
        }
    }

    fn queries_of(&self, embedding: &Tensor) -> Queries {
        let dim = embedding.size()[1] / 2;
        let positions = embedding.narrow(1, 0, dim);
        Queries {
            reference_points: self.reference_points.forward_full(&positions).sigmoid(),
            content: embedding.narrow(1, dim, dim),
            positions,
            groups: embedding.size()[0] / self.query_embed.size()[0],
        }
    }
}

/// The box queries of some frames between two layers.
pub(crate) struct BoxQueries {
    /// `[N, T', Q, C]`; `[N, 1, Q, C]` before layer 0, where frames do not differ yet.
    queries: Tensor,
    /// `[N, T', Q, 2 or 4]`
    references: Tensor,
}

impl BoxQueries {
    /// The learned queries for frames with `tokens` `[N, T', S, C]`.
    pub(crate) fn new(queries: &Queries, tokens: &Tensor) -> Self {
        let (batch, num_frames) = (tokens.size()[0], tokens.size()[1]);
        let references =
            queries.reference_points.view([1, 1, -1, 2]).expand([batch, num_frames, -1, -1], false);
        Self { queries: queries.of_clips(batch).unsqueeze(1), references }
    }

    /// The input of the next layer.
    pub(crate) fn input<'a>(&'a self, queries: &'a Queries, tokens: &'a Tensor) -> ReadInput<'a> {
        ReadInput {
            boxes: &self.queries,
            positions: &queries.positions,
            groups: queries.groups,
            references: &self.references,
            tokens,
        }
    }

    /// Continues after a layer, whose box head moves the references by `delta`. Returns the layer's features, with its
    /// boxes if they are kept.
    pub(crate) fn advance(
        &mut self,
        read: ReadOutput,
        delta: &Tensor,
        keep: bool,
    ) -> LayerFeatures {
        let pred_boxes = refine(delta, &self.references);
        let next = pred_boxes.detach();
        let boxes = keep.then(|| BoxOutput {
            box_queries: read.boxes.shallow_clone(),
            references: self.references.shallow_clone(),
            pred_boxes,
        });
        (self.queries, self.references) = (read.boxes, next);
        LayerFeatures { features: read.features, scores: read.scores, boxes }
    }
}

impl KeepLayers {
    /// Whether the results of layer `index` of `count` are kept.
    pub(crate) fn keeps(self, index: usize, count: usize) -> bool {
        self == Self::All || index + 1 == count
    }
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
                .map(|i| Arc::new(DecoderLayer::new(&(&layers / i), config)))
                .collect(),
            bbox_embed: count.map(|i| Mlp::new(&(&heads / i), dim, dim, 4)).collect(),
        }
    }

    /// Decodes the queries, given the memory of `N` clips, `[N, T, S, C]`.
    pub(crate) fn forward(
        &self,
        queries: &Queries,
        memory: &Tensor,
        layout: &TokenLayout,
        keep: KeepLayers,
    ) -> DecoderOutput {
        let features = self.read_frames(queries, memory, layout, keep);
        let mut instances = queries.of_clips(memory.size()[0]);
        let mut outputs = Vec::with_capacity(self.layers.len());
        for (index, layer) in self.layers.iter().enumerate() {
            let gathered = aggregate(&[&features], index);
            instances = layer.update_instances(&instances, queries, gathered);
            outputs.push(instances.shallow_clone());
        }
        DecoderOutput::new(outputs, &[&features])
    }

    /// Runs the box queries through all layers.
    fn read_frames(
        &self,
        queries: &Queries,
        memory: &Tensor,
        layout: &TokenLayout,
        keep: KeepLayers,
    ) -> FrameFeatures {
        let mut boxes = BoxQueries::new(queries, memory);
        let mut features = Vec::with_capacity(self.layers.len());
        for (index, (layer, bbox_embed)) in self.layers.iter().zip(&self.bbox_embed).enumerate() {
            let input = boxes.input(queries, memory);
            let read = if self.recompute {
                read_checkpointed(layer, &input, layout)
            } else {
                layer.read_frames(&input, layout)
            };
            let delta = bbox_embed.forward_full(&read.boxes);
            features.push(boxes.advance(read, &delta, keep.keeps(index, self.layers.len())));
        }
        FrameFeatures { layers: features }
    }
}

/// Temporal aggregation for the instance queries of a layer over all frames of a clip, given in parts: `[N, Q, C]`.
pub(crate) fn aggregate(parts: &[&FrameFeatures], layer: usize) -> Tensor {
    let pick = |pick: fn(&LayerFeatures) -> &Tensor| {
        let parts: Vec<&Tensor> = parts.iter().map(|part| pick(&part.layers[layer])).collect();
        Tensor::cat(&parts, 1)
    };
    mean_over_frames(&pick(|layer| &layer.features), &pick(|layer| &layer.scores))
}

impl DecoderOutput {
    /// Joins the instance queries after each layer with the boxes of the kept layers.
    pub(crate) fn new(instances: Vec<Tensor>, parts: &[&FrameFeatures]) -> Self {
        let outputs = instances.into_iter().enumerate().filter_map(|(index, instance_queries)| {
            let boxes: Option<Vec<&BoxOutput>> =
                parts.iter().map(|part| part.layers[index].boxes.as_ref()).collect();
            let BoxOutput { box_queries, references, pred_boxes } = BoxOutput::join(&boxes?);
            Some(DecoderLayerOutput { instance_queries, box_queries, references, pred_boxes })
        });
        Self { layers: outputs.collect() }
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
