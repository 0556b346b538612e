//! Layers in which instance queries gather one feature from all frames.
//!
//! SeqFormer (arXiv:2112.08275), section 3.2: a box query on every frame finds the instance there, and
//! the instance query sums what the box queries read. Reference: VNext `models/deformable_transformer.py`,
//! `DeformableTransformerDecoder`, `DeformableTransformerDecoderLayer`.

use std::rc::Rc;

use seqformer_ops::fused::After;
use tch::{Tensor, nn};

use super::{FramePart, FrameValues, TemporalAggregation, TokenLayout, inverse_sigmoid};
use crate::config::{NUM_LEVELS, TransformerConfig};
use crate::layers::{
    AttentionShape, LayerNorm, Linear, Mlp, MsDeformAttn, MultiheadAttention, References, dropout,
    run_again,
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

/// The state between two layers.
struct State {
    /// `[N, Q, C]`
    instances: Tensor,
    /// `[N, T, Q, C]`; `[N, 1, Q, C]` before layer 0, where frames do not differ yet.
    boxes: Tensor,
}

#[derive(Debug)]
struct DecoderLayer {
    cross_attn: MsDeformAttn,
    instance: Stream,
    boxes: Stream,
    temporal: TemporalAggregation,
    dropout: f64,
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

    /// What every layer reads from some frames of one clip: `[1, T', S, C]` → one item per frame.
    pub(crate) fn frame_values(&self, memory: &Tensor, layout: &TokenLayout) -> Vec<FrameValues> {
        let padding = layout.padding().map(|padding| padding.unsqueeze(-1));
        let project =
            |layer: &Rc<DecoderLayer>| layer.cross_attn.values(&memory.get(0), padding.as_ref());
        FrameValues::split(&self.layers.iter().map(project).collect::<Vec<_>>())
    }

    /// Decodes the queries from all frames of `N` clips.
    pub(crate) fn forward_t(
        &self,
        queries: &Queries,
        parts: &[FramePart<'_>],
        layout: &TokenLayout,
        keep: KeepLayers,
        train: bool,
    ) -> DecoderOutput {
        let batch = layout.valid_ratios().size()[0];
        let num_frames = parts.iter().map(FramePart::num_frames).sum::<i64>();
        let (num_queries, channels) = queries.content.size2().expect("queries are [Q, C]");
        let content = queries.content.unsqueeze(0).expand([batch, num_queries, channels], false);
        let mut state = State { boxes: content.unsqueeze(1), instances: content };
        let mut references = queries
            .reference_points
            .view([1, 1, num_queries, 2])
            .expand([batch, num_frames, -1, -1], false);
        let mut outputs = Vec::new();
        for (index, (layer, bbox_embed)) in self.layers.iter().zip(&self.bbox_embed).enumerate() {
            let clip = Clip {
                positions: &queries.positions,
                parts,
                layer: index,
                layout,
                references: &references,
            };
            state = match clip.tokens() {
                Some(tokens) if self.recompute && train => {
                    forward_again(layer, &state, &clip, &tokens)
                }
                _ => layer.forward_t(state, &clip, train),
            };
            let pred_boxes = refine(&bbox_embed.forward_full(&state.boxes), &references);
            let next = pred_boxes.detach();
            if keep == KeepLayers::Last {
                outputs.clear();
            }
            outputs.push(DecoderLayerOutput {
                instance_queries: state.instances.shallow_clone(),
                box_queries: state.boxes.shallow_clone(),
                references,
                pred_boxes,
            });
            references = next;
        }
        DecoderOutput { layers: outputs }
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

/// What a layer reads besides the state.
struct Clip<'a> {
    /// `[Q, C]`
    positions: &'a Tensor,
    parts: &'a [FramePart<'a>],
    /// Index of the layer.
    layer: usize,
    layout: &'a TokenLayout,
    /// `[N, T, Q, 2 or 4]`
    references: &'a Tensor,
}

impl<'a> Clip<'a> {
    /// The tokens of all parts, unless values were projected before.
    fn tokens(&self) -> Option<Vec<&'a Tensor>> {
        let tokens = self.parts.iter().map(|part| match part {
            FramePart::Tokens(tokens) => Some(*tokens),
            FramePart::Values(_) => None,
        });
        tokens.collect()
    }
}

/// Runs a layer for training without keeping what it computes on the way.
fn forward_again(
    layer: &Rc<DecoderLayer>,
    state: &State,
    clip: &Clip<'_>,
    tokens: &[&Tensor],
) -> State {
    let inputs = [&state.instances, &state.boxes, clip.positions, clip.references];
    let inputs: Vec<&Tensor> = inputs.into_iter().chain(tokens.iter().copied()).collect();
    let (layer, index, layout) = (Rc::clone(layer), clip.layer, clip.layout.share());
    let [instances, boxes] = run_again(&inputs, move |inputs| {
        let parts: Vec<_> = inputs[4..].iter().map(FramePart::Tokens).collect();
        let state =
            State { instances: inputs[0].shallow_clone(), boxes: inputs[1].shallow_clone() };
        let clip = Clip {
            positions: &inputs[2],
            parts: &parts,
            layer: index,
            layout: &layout,
            references: &inputs[3],
        };
        let State { instances, boxes } = layer.forward_t(state, &clip, true);
        [instances, boxes]
    });
    State { instances, boxes }
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
        }
    }

    fn forward_t(&self, state: State, clip: &Clip<'_>, train: bool) -> State {
        let instances = self.attend(&self.instance, &state.instances, clip.positions, train);
        let mut first = 0;
        let (mut boxes, mut features) = (Vec::new(), Vec::new());
        for part in clip.parts {
            let num_frames = part.num_frames();
            // Before layer 0 the box queries are the same on all frames.
            let start = if state.boxes.size()[1] == 1 {
                state.boxes.shallow_clone()
            } else {
                state.boxes.narrow(1, first, num_frames)
            };
            let references = clip.references.narrow(1, first, num_frames);
            let part = self.read_frames(&start, part, &references, clip, train);
            boxes.push(part.boxes);
            features.push(part.features);
            first += num_frames;
        }
        let boxes = Tensor::cat(&boxes, 1); // [N, T, Q, C]
        let gathered = self.temporal.forward(&features, &boxes); // [N, Q, C]
        let instances = self
            .instance
            .norm_after_cross
            .forward(&(instances + dropout(gathered, self.dropout, train)));
        State { instances: self.instance.feedforward(&instances, self.dropout, train), boxes }
    }

    fn attend(&self, stream: &Stream, content: &Tensor, positions: &Tensor, train: bool) -> Tensor {
        let dropout = if train { self.dropout } else { 0.0 };
        let add = After { dropout, residual: Some(content), ..After::NOTHING };
        let sum = stream.self_attn.forward_then(content, positions, train, &add);
        stream.norm_after_self.forward(&sum)
    }

    /// The box stream on a few frames, `[N, T', …]`, and what the instance queries get from them.
    fn read_frames(
        &self,
        boxes: &Tensor,
        part: &FramePart<'_>,
        references: &Tensor,
        clip: &Clip<'_>,
        train: bool,
    ) -> FrameFeatures {
        let (levels, attention) = (clip.layout.levels(), &self.cross_attn);
        let (start, num_frames) = (boxes.size(), part.num_frames());
        let boxes = self.attend(&self.boxes, &boxes.flatten(0, 1), clip.positions, train); // [N * 1 or T', Q, C]
        // With equal references, layer 0 looks at the same places of all frames.
        let same = start[1] == 1 && num_frames > 1;
        let references = if same { references.narrow(1, 0, 1) } else { references.shallow_clone() };
        let references = per_level(&references, clip.layout.valid_ratios());
        let sampling = attention.sampling(&(&boxes + clip.positions), &references, levels);
        let read = part.read(attention, clip.layer, &sampling, clip.layout); // [N * T', Q, C]
        let (num_queries, channels) = (read.size()[1], read.size()[2]);
        let frames = [start[0], num_frames, num_queries, channels];
        let boxes = boxes.view([start[0], start[1], num_queries, channels]);
        let change = dropout(attention.project_box(&read).view(frames), self.dropout, train);
        let boxes = self.boxes.norm_after_cross.forward(&(boxes + change));
        FrameFeatures {
            boxes: self.boxes.feedforward(&boxes, self.dropout, train),
            features: attention.project(&read).view(frames),
        }
    }
}

/// What a few frames give, `[N, T', Q, C]` each.
struct FrameFeatures {
    boxes: Tensor,
    features: Tensor,
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
