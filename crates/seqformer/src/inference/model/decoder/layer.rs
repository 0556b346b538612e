//! One decoder layer: box queries attend to a few frames, and instance queries are updated with the aggregation.

use seqformer_ops::deformable_layer::{
    DeformableLayer, DeformableLayerInput, DeformableLayerParameters,
};
use seqformer_ops::fused::Activation;
use tch::{Kind, Tensor};

use crate::Precision;
use crate::layers::{LayerNorm, NORM_EPS, References};
use crate::prepared_layers::{PreparedLinear, PreparedMsDeformAttn, PreparedMultiheadAttention};
use crate::transformer::{DecoderLayer, ReadInput, ReadOutput, Stream, TokenLayout, repeat};

/// One layer, prepared.
#[derive(Debug)]
pub(crate) struct PreparedDecoderLayer {
    instance_attention: PreparedAttention,
    instance_update: Update,
    box_attention: PreparedAttention,
    box_reading: BoxReading,
    frame_score: PreparedLinear,
}

/// Self-attention of queries, and the norm after it.
#[derive(Debug)]
struct PreparedAttention {
    self_attn: PreparedMultiheadAttention,
    norm: LayerNorm,
}

/// Updates queries with attention output.
#[derive(Debug)]
struct Update {
    norm_after_cross: LayerNorm,
    linear1: PreparedLinear,
    linear2: PreparedLinear,
    norm_after_feedforward: LayerNorm,
}

/// The box queries' layer from their sampling locations on.
#[derive(Debug)]
enum BoxReading {
    /// As a single fused operation.
    Fused(DeformableLayer),
    /// If the fused operation is not available.
    Layers { cross_attn: PreparedMsDeformAttn, update: Update },
}

impl PreparedDecoderLayer {
    pub(crate) fn new(layer: &DecoderLayer, precision: Precision) -> Self {
        Self {
            instance_attention: PreparedAttention::new(&layer.instance, precision),
            instance_update: Update::new(&layer.instance, precision),
            box_attention: PreparedAttention::new(&layer.boxes, precision),
            box_reading: BoxReading::new(layer, precision),
            frame_score: PreparedLinear::new(&layer.temporal.frame_score, precision),
        }
    }

    /// `[N, Q, C]` → the same; `gathered` is the aggregation over frames.
    pub(crate) fn update_instances(
        &self,
        instances: &Tensor,
        positions: &Tensor,
        gathered: &Tensor,
    ) -> Tensor {
        let instances = self.instance_attention.forward(instances, positions);
        self.instance_update.forward(&instances, gathered)
    }

    /// Runs the box queries on a few frames; also returns the features for the instance queries.
    pub(crate) fn read_frames(&self, input: &ReadInput<'_>, layout: &TokenLayout) -> ReadOutput {
        let boxes = self.box_attention.forward(&input.boxes.flatten(0, 1), input.positions); // [N * 1 or T', Q, C]
        let references = input.level_references(layout);
        let [boxes, features] = match &self.box_reading {
            BoxReading::Fused(fused) => read_fused(fused, &boxes, &references, input, layout),
            BoxReading::Layers { cross_attn, update } => {
                read_by_layers((cross_attn, update), &boxes, &references, input, layout)
            }
        };
        let scores = self.frame_score.forward(&boxes).to_kind(Kind::Float);
        ReadOutput { boxes, features, scores }
    }
}

impl PreparedAttention {
    fn new(stream: &Stream, precision: Precision) -> Self {
        Self {
            self_attn: PreparedMultiheadAttention::new(&stream.self_attn, precision),
            norm: stream.norm_after_self.detach(),
        }
    }

    fn forward(&self, content: &Tensor, positions: &Tensor) -> Tensor {
        self.norm.forward(&self.self_attn.forward_residual(content, positions))
    }
}

impl Update {
    fn new(stream: &Stream, precision: Precision) -> Self {
        Self {
            norm_after_cross: stream.norm_after_cross.detach(),
            linear1: PreparedLinear::new(&stream.linear1, precision),
            linear2: PreparedLinear::new(&stream.linear2, precision),
            norm_after_feedforward: stream.norm_after_feedforward.detach(),
        }
    }

    fn forward(&self, queries: &Tensor, read: &Tensor) -> Tensor {
        let queries = self.norm_after_cross.forward(&(queries + read));
        let hidden = self.linear1.forward_relu(&queries);
        let sum = self.linear2.forward_then(&hidden, Activation::None, Some(&queries));
        self.norm_after_feedforward.forward(&sum)
    }
}

impl BoxReading {
    fn new(layer: &DecoderLayer, precision: Precision) -> Self {
        let (attention, stream) = (&layer.cross_attn, &layer.boxes);
        let parameters = DeformableLayerParameters {
            value_proj: attention.value_proj.weight_bias(),
            sampling_offsets: attention.sampling_offsets.weight_bias(),
            attention_weights: attention.attention_weights.weight_bias(),
            output_proj: attention.output_proj_box.weight_bias(),
            second_output_proj: Some(attention.output_proj.weight_bias()),
            norm1: stream.norm_after_cross.weight_bias(),
            linear1: stream.linear1.weight_bias(),
            linear2: stream.linear2.weight_bias(),
            norm2: stream.norm_after_feedforward.weight_bias(),
            eps: NORM_EPS,
            num_heads: attention.shape.num_heads as usize,
            num_points: attention.shape.num_points as usize,
        };
        match DeformableLayer::new(&parameters, precision == Precision::Bf16) {
            Some(fused) => Self::Fused(fused),
            None => Self::Layers {
                cross_attn: PreparedMsDeformAttn::new(attention, precision),
                update: Update::new(stream, precision),
            },
        }
    }
}

/// The box queries after the layer and the features for the instance queries, `[N, T', Q, C]` each, given queries `[N *
/// 1 or T', Q, C]`.
fn read_by_layers(
    (attention, update): (&PreparedMsDeformAttn, &Update),
    boxes: &Tensor,
    references: &References,
    input: &ReadInput<'_>,
    layout: &TokenLayout,
) -> [Tensor; 2] {
    let (levels, start, num_frames) = (layout.levels(), input.boxes.size(), input.tokens.size()[1]);
    let mut sampling = attention.sampling(&(boxes + input.positions), references, levels);
    if input.is_same_on_all_frames() {
        sampling = sampling.repeat(num_frames);
    }
    let padding = layout.padding().map(|padding| repeat(padding, num_frames));
    let values = attention.values(&input.tokens.flatten(0, 1), padding.as_ref());
    let read = sampling.read(&values, levels); // [N * T', Q, C]
    let (num_queries, channels) = (read.size()[1], read.size()[2]);
    let frames = [start[0], num_frames, num_queries, channels];
    let boxes = boxes.view([start[0], start[1], num_queries, channels]);
    let boxes = update.forward(&boxes, &attention.project_box(&read).view(frames));
    [boxes, attention.project(&read).view(frames)]
}

/// [`read_by_layers`] as a single fused operation.
fn read_fused(
    fused: &DeformableLayer,
    boxes: &Tensor,
    references: &References,
    input: &ReadInput<'_>,
    layout: &TokenLayout,
) -> [Tensor; 2] {
    let size = input.tokens.size(); // [N, T', S, C]
    let (References::Points(references) | References::Boxes(references)) = references;
    let for_frames = |tensor: &Tensor| {
        if tensor.size()[0] == size[0] { repeat(tensor, size[1]) } else { tensor.shallow_clone() }
    };
    let padding = layout.padding().map(|padding| repeat(padding, size[1]));
    let input = DeformableLayerInput {
        tokens: &input.tokens.flatten(0, 1).to_kind(Kind::Float),
        queries: Some(&for_frames(boxes)),
        positions: &input.positions.unsqueeze(0),
        references: &for_frames(references),
        padding: padding.as_ref(),
    };
    let output =
        fused.forward(&input, layout.levels()).expect("the tokens have the layout of their levels");
    let frames = |tensor: Tensor| tensor.view([size[0], size[1], -1, size[3]]);
    let features = output.second.expect("the layer has a second projection");
    [frames(output.queries), frames(features)]
}
