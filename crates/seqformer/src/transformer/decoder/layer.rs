//! One layer: what the box queries read from a few frames, and how an instance query takes it up.

use std::rc::Rc;

use seqformer_ops::deformable_layer::{
    DeformableLayer, DeformableLayerInput, DeformableLayerParameters,
};
use seqformer_ops::fused::After;
use tch::{Kind, Tensor, nn};

use super::super::TokenLayout;
use super::super::encoder::repeat;
use super::super::temporal_aggregation::TemporalAggregation;
use crate::Precision;
use crate::config::{NUM_LEVELS, TransformerConfig};
use crate::layers::{
    AttentionShape, LayerNorm, Linear, MsDeformAttn, MultiheadAttention, NORM_EPS, References,
    checkpointed, dropout,
};

/// One layer.
#[derive(Debug)]
pub(super) struct DecoderLayer {
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

/// What the box queries of a layer start from.
pub(super) struct ReadInput<'a> {
    /// `[N, T', Q, C]`, or `[N, 1, Q, C]` where frames do not differ yet.
    pub(super) boxes: &'a Tensor,
    /// `[Q, C]`
    pub(super) positions: &'a Tensor,
    /// `[N, T', Q, 2 or 4]`
    pub(super) references: &'a Tensor,
    /// `[N, T', S, C]`
    pub(super) tokens: &'a Tensor,
}

/// What the box queries of a layer give, `[N, T', Q, C]` each, and their `[N, T', Q, 1]` scores.
pub(super) struct ReadOutput {
    pub(super) boxes: Tensor,
    pub(super) features: Tensor,
    pub(super) scores: Tensor,
}

/// Runs the box queries of a layer for training without keeping what they compute on the way.
pub(super) fn read_again(
    layer: &Rc<DecoderLayer>,
    input: &ReadInput<'_>,
    layout: &TokenLayout,
) -> ReadOutput {
    let inputs = [input.boxes, input.positions, input.references, input.tokens];
    let (layer, layout) = (Rc::clone(layer), layout.share());
    let [boxes, features, scores] = checkpointed(&inputs, move |inputs| {
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
    pub(super) fn new(vs: &nn::Path<'_>, config: &TransformerConfig) -> Self {
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

    pub(super) fn prepare_inference(&mut self, precision: Precision) {
        self.fused = self.fuse(precision);
        self.temporal.prepare_inference(precision);
        self.instance.prepare_inference(precision);
        if self.fused.is_some() {
            // The rest of the box queries' way is in there; a second copy of its weights would never be used.
            self.boxes.self_attn.prepare_inference(precision);
        } else {
            self.boxes.prepare_inference(precision);
            self.cross_attn.prepare_inference(precision);
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
    pub(super) fn update_instances(
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
    pub(super) fn read_frames(
        &self,
        input: &ReadInput<'_>,
        layout: &TokenLayout,
        train: bool,
    ) -> ReadOutput {
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

    fn prepare_inference(&mut self, precision: Precision) {
        self.self_attn.prepare_inference(precision);
        self.linear1.prepare_inference(precision);
        self.linear2.prepare_inference(precision);
    }

    fn feedforward(&self, queries: &Tensor, dropout: f64, train: bool) -> Tensor {
        let dropout = if train { dropout } else { 0.0 };
        let hidden = self.linear1.forward_then(queries, &After { dropout, ..After::RELU });
        let add = After { dropout, residual: Some(queries), ..After::NOTHING };
        self.norm_after_feedforward.forward(&self.linear2.forward_then(&hidden, &add))
    }
}
