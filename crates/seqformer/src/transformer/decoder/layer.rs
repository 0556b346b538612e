//! One layer: box queries attend to a few frames, and instance queries are updated with the aggregation.

use std::sync::Arc;

use seqformer_ops::fused::After;
use tch::{Tensor, nn};

use super::super::TokenLayout;
use super::super::encoder::repeat;
use super::super::temporal_aggregation::TemporalAggregation;
use super::Queries;
use crate::config::{NUM_LEVELS, TransformerConfig};
use crate::layers::{
    self, AttentionShape, LayerNorm, Linear, MsDeformAttn, MultiheadAttention, References,
    checkpointed,
};

/// One layer.
#[derive(Debug)]
pub(crate) struct DecoderLayer {
    pub(crate) cross_attn: MsDeformAttn,
    pub(crate) instance: Stream,
    pub(crate) boxes: Stream,
    pub(crate) temporal: TemporalAggregation,
}

/// The layers that instance and box queries have separately.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) self_attn: MultiheadAttention,
    pub(crate) norm_after_self: LayerNorm,
    pub(crate) norm_after_cross: LayerNorm,
    pub(crate) linear1: Linear,
    pub(crate) linear2: Linear,
    pub(crate) norm_after_feedforward: LayerNorm,
    dropout: f64,
}

/// The input of the box queries of a layer.
pub(crate) struct ReadInput<'a> {
    /// `[N, T', Q, C]`, or `[N, 1, Q, C]` where frames do not differ yet.
    pub(crate) boxes: &'a Tensor,
    /// `[Q, C]`
    pub(crate) positions: &'a Tensor,
    /// Groups of the queries.
    pub(crate) groups: i64,
    /// `[N, T', Q, 2 or 4]`
    pub(crate) references: &'a Tensor,
    /// `[N, T', S, C]`
    pub(crate) tokens: &'a Tensor,
}

/// The output of the box queries of a layer, `[N, T', Q, C]` each, and their `[N, T', Q, 1]` scores.
pub(crate) struct ReadOutput {
    pub(crate) boxes: Tensor,
    pub(crate) features: Tensor,
    pub(crate) scores: Tensor,
}

impl ReadInput<'_> {
    /// Whether frames do not differ yet: layer 0 then samples the same locations in all frames.
    pub(crate) fn is_same_on_all_frames(&self) -> bool {
        self.boxes.size()[1] == 1 && self.tokens.size()[1] > 1
    }

    /// References in units of each padded level, `[N * T', Q, L, 2 or 4]`; one frame stands for all if they are the
    /// same.
    pub(crate) fn level_references(&self, layout: &TokenLayout) -> References {
        if self.is_same_on_all_frames() {
            return per_level(&self.references.narrow(1, 0, 1), layout.valid_ratios());
        }
        per_level(self.references, layout.valid_ratios())
    }
}

/// Runs the box queries of a layer with activation checkpointing.
pub(super) fn read_checkpointed(
    layer: &Arc<DecoderLayer>,
    input: &ReadInput<'_>,
    layout: &TokenLayout,
) -> ReadOutput {
    let inputs = [input.boxes, input.positions, input.references, input.tokens];
    let (layer, layout, groups) = (Arc::clone(layer), layout.share(), input.groups);
    let [boxes, features, scores] = checkpointed(&inputs, move |inputs| {
        let [boxes, positions, references, tokens] = inputs else {
            unreachable!("there are four inputs")
        };
        let input = ReadInput { boxes, positions, groups, references, tokens };
        let ReadOutput { boxes, features, scores } = layer.read_frames(&input, &layout);
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
        }
    }

    /// Runs the box queries on a few frames; also returns the features for the instance queries.
    pub(crate) fn read_frames(&self, input: &ReadInput<'_>, layout: &TokenLayout) -> ReadOutput {
        let (levels, attention) = (layout.levels(), &self.cross_attn);
        let (start, num_frames) = (input.boxes.size(), input.tokens.size()[1]);
        let boxes = self.boxes.attend(&input.boxes.flatten(0, 1), input.positions, input.groups); // [N * 1 or T', Q, C]
        let references = input.level_references(layout);
        let mut sampling = attention.sampling(&(&boxes + input.positions), &references, levels);
        if input.is_same_on_all_frames() {
            sampling = sampling.repeat(num_frames);
        }
        let padding = layout.padding().map(|padding| repeat(padding, num_frames).unsqueeze(-1));
        let values = attention.values(&input.tokens.flatten(0, 1), padding.as_ref());
        let read = sampling.read(&values, levels); // [N * T', Q, C]
        let (num_queries, channels) = (read.size()[1], read.size()[2]);
        let frames = [start[0], num_frames, num_queries, channels];
        let boxes = boxes.view([start[0], start[1], num_queries, channels]);
        let boxes = self.boxes.take_up(&boxes, attention.project_box(&read).view(frames));
        ReadOutput {
            scores: self.temporal.scores(&boxes),
            boxes,
            features: attention.project(&read).view(frames),
        }
    }

    /// `[N, Q, C]` → the same; `gathered` is the aggregation over frames.
    pub(crate) fn update_instances(
        &self,
        instances: &Tensor,
        queries: &Queries,
        gathered: Tensor,
    ) -> Tensor {
        let attended = self.instance.attend(instances, &queries.positions, queries.groups);
        self.instance.take_up(&attended, gathered)
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
    /// Parameters under `vs`, with `suffix` appended to each name: `self_attn`, `norm2`, `norm1`, `linear1`, `linear2`,
    /// `norm3`.
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
            dropout,
        }
    }

    /// The queries `[N, Q, C]` after self-attention among those of each group.
    fn attend(&self, content: &Tensor, positions: &Tensor, groups: i64) -> Tensor {
        if groups > 1 {
            let (batch, queries, channels) = content.size3().expect("queries are [N, Q, C]");
            let of_groups = [batch * groups, queries / groups, channels];
            let positions = positions.unsqueeze(0).repeat([batch, 1, 1]).view(of_groups);
            return self.attend(&content.reshape(of_groups), &positions, 1).view_as(content);
        }
        let add = After { dropout: self.dropout, residual: Some(content), ..After::NOTHING };
        self.norm_after_self.forward(&self.self_attn.forward_then(content, positions, &add))
    }

    /// The queries after they are updated with the attention output.
    fn take_up(&self, queries: &Tensor, read: Tensor) -> Tensor {
        let sum = queries + layers::dropout(read, self.dropout);
        let queries = self.norm_after_cross.forward(&sum);
        let hidden =
            self.linear1.forward_then(&queries, &After { dropout: self.dropout, ..After::RELU });
        let add = After { dropout: self.dropout, residual: Some(&queries), ..After::NOTHING };
        self.norm_after_feedforward.forward(&self.linear2.forward_then(&hidden, &add))
    }
}
