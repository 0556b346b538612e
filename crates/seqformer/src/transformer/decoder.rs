//! Layers in which instance queries gather one feature from all frames.
//!
//! SeqFormer (arXiv:2112.08275), section 3.2: a box query on every frame finds the instance there, and
//! the instance query sums what the box queries read. Reference: VNext `models/deformable_transformer.py`,
//! `DeformableTransformerDecoder`, `DeformableTransformerDecoderLayer`.

use std::rc::Rc;

use seqformer_ops::deformable_layer::{
    DeformableLayer, DeformableLayerInput, DeformableLayerParameters,
};
use seqformer_ops::fused::After;
use tch::{Kind, Tensor, nn};

use super::encoder::repeat;
use super::frame_reading::{BoxOutput, FrameReading, LayerReading, RunningReading};
use super::temporal_aggregation::{RunningMean, TemporalAggregation, mean_over_frames};
use super::{TokenLayout, inverse_sigmoid};
use crate::Precision;
use crate::config::{NUM_LEVELS, TransformerConfig};
use crate::layers::{
    AttentionShape, LayerNorm, Linear, Mlp, MsDeformAttn, MultiheadAttention, NORM_EPS, References,
    dropout, run_again,
};

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

#[derive(Debug)]
struct DecoderLayer {
    cross_attn: MsDeformAttn,
    instance: Stream,
    boxes: Stream,
    temporal: TemporalAggregation,
    dropout: f64,
    /// The box queries' way from their points on as one operation, for inference where the machine has that.
    fused: Option<DeformableLayer>,
}

/// The parts that instance and box queries each have of their own.
#[derive(Debug)]
struct Stream {
    self_attn: MultiheadAttention,
    norm_after_self: LayerNorm,
    norm_after_cross: LayerNorm,
    linear1: Linear,
    linear2: Linear,
    norm_after_feedforward: LayerNorm,
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
        // Boxes are computed in full.
        for bbox_embed in &mut self.bbox_embed {
            bbox_embed.prepare_inference(Precision::F32);
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

/// What the box queries of a layer start from.
struct ReadInput<'a> {
    /// `[N, T', Q, C]`, or `[N, 1, Q, C]` where frames do not differ yet.
    boxes: &'a Tensor,
    /// `[Q, C]`
    positions: &'a Tensor,
    /// `[N, T', Q, 2 or 4]`
    references: &'a Tensor,
    /// `[N, T', S, C]`
    tokens: &'a Tensor,
}

/// What the box queries of a layer give, `[N, T', Q, C]` each, and their `[N, T', Q, 1]` scores.
struct ReadOutput {
    boxes: Tensor,
    features: Tensor,
    scores: Tensor,
}

/// Runs the box queries of a layer for training without keeping what they compute on the way.
fn read_again(layer: &Rc<DecoderLayer>, input: &ReadInput<'_>, layout: &TokenLayout) -> ReadOutput {
    let inputs = [input.boxes, input.positions, input.references, input.tokens];
    let (layer, layout) = (Rc::clone(layer), layout.share());
    let [boxes, features, scores] = run_again(&inputs, move |inputs| {
        let [boxes, positions, references, tokens] = inputs else {
            unreachable!("there are four inputs")
        };
        let input = ReadInput { boxes, positions, references, tokens };
        let ReadOutput { boxes, features, scores } = layer.read_frames(&input, &layout, true);
        [boxes, features, scores]
    });
    ReadOutput { boxes, features, scores }
}

impl DecoderLayer {
    fn new(vs: &nn::Path<'_>, config: &TransformerConfig) -> Self {
        let shape = AttentionShape {
            hidden_dim: config.hidden_dim,
            num_heads: config.num_heads,
            num_levels: NUM_LEVELS as i64,
            num_points: config.num_decoder_points,
        };
        Self {
            cross_attn: MsDeformAttn::new(&(vs / "cross_attn"), shape),
            instance: Stream::new(vs, "", config),
            boxes: Stream::new(vs, "_box", config),
            temporal: TemporalAggregation::new(vs, config.hidden_dim),
            dropout: config.dropout,
            fused: None,
        }
    }

    fn prepare_inference(&mut self, precision: Precision) {
        self.fused = self.fuse(precision);
        self.cross_attn.prepare_inference(precision);
        self.temporal.prepare_inference(precision);
        for stream in [&mut self.instance, &mut self.boxes] {
            stream.self_attn.prepare_inference(precision);
            stream.linear1.prepare_inference(precision);
            stream.linear2.prepare_inference(precision);
        }
    }

    fn fuse(&self, precision: Precision) -> Option<DeformableLayer> {
        let (attention, stream) = (&self.cross_attn, &self.boxes);
        let parameters = DeformableLayerParameters {
            value_proj: attention.value_proj.affine(),
            sampling_offsets: attention.sampling_offsets.affine(),
            attention_weights: attention.attention_weights.affine(),
            output_proj: attention.output_proj_box.affine(),
            second_output_proj: Some(attention.output_proj.affine()),
            norm1: stream.norm_after_cross.affine(),
            linear1: stream.linear1.affine(),
            linear2: stream.linear2.affine(),
            norm2: stream.norm_after_feedforward.affine(),
            eps: NORM_EPS,
            num_heads: attention.shape.num_heads as usize,
            num_points: attention.shape.num_points as usize,
        };
        DeformableLayer::new(&parameters, precision == Precision::Bf16)
    }

    /// `[N, Q, C]` → the same; `gathered` is the mean over frames of what the box queries have read.
    fn update_instances(
        &self,
        instances: &Tensor,
        positions: &Tensor,
        gathered: Tensor,
        train: bool,
    ) -> Tensor {
        let instances = self.attend(&self.instance, instances, positions, train);
        let sum = instances + dropout(gathered, self.dropout, train);
        let instances = self.instance.norm_after_cross.forward(&sum);
        self.instance.feedforward(&instances, self.dropout, train)
    }

    fn attend(&self, stream: &Stream, content: &Tensor, positions: &Tensor, train: bool) -> Tensor {
        let dropout = if train { self.dropout } else { 0.0 };
        let add = After { dropout, residual: Some(content), ..After::NOTHING };
        let sum = stream.self_attn.forward_then(content, positions, train, &add);
        stream.norm_after_self.forward(&sum)
    }

    /// The box queries on a few frames, and what the instance queries get from them.
    fn read_frames(&self, input: &ReadInput<'_>, layout: &TokenLayout, train: bool) -> ReadOutput {
        let (levels, attention) = (layout.levels(), &self.cross_attn);
        let (start, num_frames) = (input.boxes.size(), input.tokens.size()[1]);
        let boxes = self.attend(&self.boxes, &input.boxes.flatten(0, 1), input.positions, train); // [N * 1 or T', Q, C]
        // With equal references, layer 0 looks at the same places of all frames.
        let same = start[1] == 1 && num_frames > 1;
        let references =
            if same { input.references.narrow(1, 0, 1) } else { input.references.shallow_clone() };
        let references = per_level(&references, layout.valid_ratios());
        let fused = self.fused.as_ref().filter(|_| !train && !input.tokens.requires_grad());
        if let Some(fused) = fused {
            return self.read_fused(fused, &boxes, &references, input, layout);
        }
        let sampling = attention.sampling(&(&boxes + input.positions), &references, levels);
        let sampling = if same { sampling.repeat(num_frames) } else { sampling };
        let padding = layout.padding().map(|padding| repeat(padding, num_frames).unsqueeze(-1));
        let values = attention.values(&input.tokens.flatten(0, 1), padding.as_ref());
        let read = attention.read(&values, levels, &sampling); // [N * T', Q, C]
        let (num_queries, channels) = (read.size()[1], read.size()[2]);
        let frames = [start[0], num_frames, num_queries, channels];
        let boxes = boxes.view([start[0], start[1], num_queries, channels]);
        let change = dropout(attention.project_box(&read).view(frames), self.dropout, train);
        let boxes = self.boxes.norm_after_cross.forward(&(boxes + change));
        let boxes = self.boxes.feedforward(&boxes, self.dropout, train);
        ReadOutput {
            scores: self.temporal.scores(&boxes),
            boxes,
            features: attention.project(&read).view(frames),
        }
    }

    /// [`Self::read_frames`] from the box queries' points on, in one operation: `[N * 1 or T', Q, C]`.
    fn read_fused(
        &self,
        fused: &DeformableLayer,
        boxes: &Tensor,
        references: &References,
        input: &ReadInput<'_>,
        layout: &TokenLayout,
    ) -> ReadOutput {
        let size = input.tokens.size(); // [N, T', S, C]
        let (References::Points(references) | References::Boxes(references)) = references;
        let for_frames = |tensor: &Tensor| {
            if tensor.size()[0] == size[0] {
                repeat(tensor, size[1])
            } else {
                tensor.shallow_clone()
            }
        };
        let padding = layout.padding().map(|padding| repeat(padding, size[1]));
        let input = DeformableLayerInput {
            tokens: &input.tokens.flatten(0, 1).to_kind(Kind::Float),
            queries: Some(&for_frames(boxes)),
            positions: &input.positions.unsqueeze(0),
            references: &for_frames(references),
            padding: padding.as_ref(),
        };
        let output = fused
            .forward(&input, layout.levels())
            .expect("the tokens have the layout of their levels");
        let frames = |tensor: Tensor| tensor.view([size[0], size[1], -1, size[3]]);
        let boxes = frames(output.queries);
        ReadOutput {
            scores: self.temporal.scores(&boxes),
            boxes,
            features: frames(output.second.expect("the layer has a second projection")),
        }
    }
}

/// References in units of each padded level: `[N, T, Q, 2 or 4]` → `[N * T, Q, L, 2 or 4]`.
fn per_level(references: &Tensor, valid_ratios: &Tensor) -> References {
    let ratios = valid_ratios.unsqueeze(1).unsqueeze(1); // [N, 1, 1, L, 2]
    let spread = references.unsqueeze(3); // [N, T, Q, 1, 2 or 4]
    if references.size()[3] == 2 {
        return References::Points((spread * ratios).flatten(0, 1));
    }
    References::Boxes((spread * Tensor::cat(&[&ratios, &ratios], -1)).flatten(0, 1))
}

impl Stream {
    /// Parameters under `vs`, with `suffix` behind each name: `self_attn`, `norm2`, `norm1`, `linear1`,
    /// `linear2`, `norm3`.
    fn new(vs: &nn::Path<'_>, suffix: &str, config: &TransformerConfig) -> Self {
        let &TransformerConfig { hidden_dim, num_heads, feedforward_dim, dropout, .. } = config;
        let at = |name: &str| vs / format!("{name}{suffix}");
        Self {
            self_attn: MultiheadAttention::new(&at("self_attn"), hidden_dim, num_heads, dropout),
            norm_after_self: LayerNorm::new(&at("norm2"), hidden_dim),
            norm_after_cross: LayerNorm::new(&at("norm1"), hidden_dim),
            linear1: Linear::new(&at("linear1"), hidden_dim, feedforward_dim),
            linear2: Linear::new(&at("linear2"), feedforward_dim, hidden_dim),
            norm_after_feedforward: LayerNorm::new(&at("norm3"), hidden_dim),
        }
    }

    fn feedforward(&self, queries: &Tensor, dropout: f64, train: bool) -> Tensor {
        let dropout = if train { dropout } else { 0.0 };
        let hidden = self.linear1.forward_then(&queries, &After { dropout, ..After::RELU });
        let add = After { dropout, residual: Some(&queries), ..After::NOTHING };
        self.norm_after_feedforward.forward(&self.linear2.forward_then(&hidden, &add))
    }
}
