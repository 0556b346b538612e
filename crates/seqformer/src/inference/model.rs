//! The whole network for inference, with all weights laid out, and immutable.

mod decoder;
mod encoder;
mod mask_head;

use seqformer_cuda::device::Tf32Scope;
use seqformer_masks::ImageSize;
use seqformer_ops::precision::{autocast, full_precision};
use tch::{Tensor, nn};

use super::device_cache::DeviceCache;
use crate::backbone::PreparedBackbone;
use crate::config::SeqFormerConfig;
use crate::detector::{InputProjection, reference_points_px};
use crate::frame_size::{largest, padded_size};
use crate::layers::{GroupNorm, Linear};
use crate::prepared_layers::{PreparedConv, PreparedMlp};
use crate::stage_clock::{Stage, timed};
use crate::transformer::{
    DecoderLayerOutput, DecoderOutput, FrameFeatures, KeepLayers, Memory, QueryEmbedding,
    RunningAggregation, TokenLayout,
};
use crate::{Heads, ModelError, Precision, SeqFormer, normalize_and_pad};

use decoder::PreparedDecoder;
use encoder::PreparedEncoder;
use mask_head::{PreparedMaskHead, dynamic_masks};

/// The SeqFormer network for inference, created by [`SeqFormer::prepare`].
///
/// It owns its weights, laid out for one precision, and what is derived from them: constants by frame size, and CUDA
/// graphs.
#[derive(Debug)]
pub struct InferenceModel {
    config: SeqFormerConfig,
    device: tch::Device,
    precision: Precision,
    backbone: Box<dyn PreparedBackbone>,
    input_proj: Vec<PreparedProjection>,
    level_embed: Tensor,
    encoder: PreparedEncoder,
    decoder: PreparedDecoder,
    query_embed: QueryEmbedding,
    class_embed: Vec<Linear>,
    controller: PreparedMlp,
    mask_head: PreparedMaskHead,
    device_cache: DeviceCache,
}

/// Projects a map of the backbone to a level of the transformer.
#[derive(Debug)]
struct PreparedProjection {
    conv: PreparedConv,
    norm: GroupNorm,
}

impl PreparedProjection {
    fn new(projection: &InputProjection, precision: Precision) -> Self {
        let conv = PreparedConv::new(&projection.conv, precision);
        Self { conv, norm: projection.norm.detach() }
    }
}

impl SeqFormer {
    /// Converts the network to one that predicts in `precision`.
    ///
    /// It consumes the parameters, so that weights cannot change after they have been laid out: other weights are
    /// another model.
    pub fn prepare(self, variables: nn::VarStore, precision: Precision) -> InferenceModel {
        // So that each plain weight is freed as soon as it is laid out.
        drop(variables);
        tch::no_grad(|| InferenceModel::new(self, precision))
    }
}

impl InferenceModel {
    fn new(model: SeqFormer, precision: Precision) -> Self {
        let input_proj = model.input_proj.iter();
        Self {
            config: model.config,
            device: model.device,
            precision,
            backbone: model.backbone.prepare(precision),
            input_proj: input_proj
                .map(|projection| PreparedProjection::new(projection, precision))
                .collect(),
            level_embed: model.level_embed.detach(),
            encoder: PreparedEncoder::new(model.encoder, precision),
            decoder: PreparedDecoder::new(model.decoder, precision),
            query_embed: model.query_embed.detach(),
            class_embed: model.class_embed.iter().map(Linear::detach).collect(),
            // Layers that directly determine boxes and masks stay in full precision.
            controller: PreparedMlp::new(&model.controller, Precision::F32),
            mask_head: PreparedMaskHead::new(&model.mask_head, precision),
            device_cache: DeviceCache::default(),
        }
    }

    /// The configuration of the network.
    pub fn config(&self) -> &SeqFormerConfig {
        &self.config
    }

    /// Where the network computes.
    pub fn device(&self) -> tch::Device {
        self.device
    }

    /// Its precision.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Number of CUDA graphs that were recorded so far: 0 on a GPU means that every kernel is launched by itself.
    pub fn num_recordings(&self) -> usize {
        self.device_cache.num_recordings()
    }

    /// The constants and graphs kept for the device.
    pub(crate) fn device_cache(&self) -> &DeviceCache {
        &self.device_cache
    }

    /// Runs a part of the network: on a GPU, `bf16` is libtorch's mixed precision, and TF32 is enabled only if
    /// requested.
    fn in_precision<R>(&self, work: impl FnOnce() -> R) -> R {
        if !self.device.is_cuda() {
            return work();
        }
        // Without `libseqformer_cuda` the setting stays libtorch's, about which the predictor warns.
        let _tf32 = Tf32Scope::begin(self.precision == Precision::Tf32).ok();
        if self.precision == Precision::Bf16 { autocast(self.device, work) } else { work() }
    }

    /// Normalizes frames `[T, 3, H, W]` in 0..255, and pads them to a multiple of 32.
    ///
    /// # Errors
    ///
    /// If the frames have another shape.
    pub fn preprocess(&self, frames: &Tensor, size: ImageSize) -> Result<Tensor, ModelError> {
        let images = || normalize_and_pad(frames, padded_size(size), &self.config, self.device);
        timed(Stage::Backbone, images)
    }

    /// The token layout of clips whose frames have these sizes, all padded to the largest.
    pub fn token_layout(&self, sizes: &[ImageSize]) -> TokenLayout {
        let padded = padded_size(largest(sizes));
        TokenLayout::of_clips(sizes, padded, self.backbone.output_shape(), &self.level_embed)
    }

    /// The backbone's maps of images: `[N * T, 3, H, W]` → res2 to res5.
    pub fn backbone_features(&self, images: &Tensor) -> Vec<Tensor> {
        timed(Stage::Backbone, || self.backbone.forward(images))
    }

    /// The maps of the four levels, `[N * T, C, h, w]` each.
    pub fn project(&self, features: &[Tensor]) -> Vec<Tensor> {
        let last = features.len() - 1;
        let project = |(level, projection): (usize, &PreparedProjection)| {
            // The last level is computed from the coarsest map, which the previous level uses as well.
            let map = &features[(level + 1).min(last)];
            projection.norm.forward(&projection.conv.forward(map))
        };
        timed(Stage::Encoder, || self.input_proj.iter().enumerate().map(project).collect())
    }

    /// Encodes the frames of `N` clips; calls `each_layer` with the output of every encoder layer.
    ///
    /// # Shapes
    ///
    /// - `maps`: `[N * T, C, h, w]` for each level
    /// - output: `[N, T, S, C]`
    pub fn encode(
        &self,
        maps: &[Tensor],
        layout: &TokenLayout,
        each_layer: &mut dyn FnMut(&Tensor),
    ) -> Tensor {
        // The residual stream is in full precision.
        let tokens = layout.flatten(maps).to_kind(self.level_embed.kind());
        timed(Stage::Encoder, || self.encoder.forward(&tokens, layout, each_layer))
    }

    /// Encodes images `[N * T, 3, H, W]` to memory `[N, T, S, C]`.
    pub fn encode_images(&self, images: &Tensor, layout: &TokenLayout) -> Tensor {
        self.in_precision(|| {
            let maps = self.project(&self.backbone_features(images));
            self.encode(&maps, layout, &mut |_| {})
        })
    }

    /// Decodes all queries, given the memory of all frames.
    pub fn decode(&self, memory: &Memory, layout: &TokenLayout, keep: KeepLayers) -> DecoderOutput {
        let queries = self.query_embed.queries();
        let read = |tokens: &Tensor| self.decoder.read_frames(&queries, tokens, layout, keep);
        let features: Vec<FrameFeatures> = memory.parts.iter().map(read).collect();
        self.decoder.decode(&queries, &features.iter().collect::<Vec<_>>())
    }

    /// The box queries' features of frames of one clip: `memory` is `[1, T', S, C]`.
    pub fn read_frames(&self, memory: &Tensor, layout: &TokenLayout) -> FrameFeatures {
        self.in_precision(|| {
            let queries = self.query_embed.queries();
            self.decoder.read_frames(&queries, memory, layout, KeepLayers::Last)
        })
    }

    /// Decodes all queries, given the frames of one clip; only the last layer is kept.
    pub fn decode_frames(&self, frames: &[&FrameFeatures]) -> DecoderLayerOutput {
        self.decoder.decode(&self.query_embed.queries(), frames).layers.remove(0)
    }

    /// The instance queries after the last layer, `[1, Q, C]`, given the aggregation over all frames.
    pub fn decode_running(&self, aggregation: &RunningAggregation) -> Tensor {
        self.decoder.decode_running(&self.query_embed.queries(), aggregation)
    }

    /// Applies the class and mask heads to the output of decoder layer `layer`.
    ///
    /// `frame_sizes` are those of the `N` clips' frames without padding.
    pub fn heads(
        &self,
        output: &DecoderLayerOutput,
        layer: usize,
        frame_sizes: &[ImageSize],
    ) -> Heads {
        self.heads_of(&output.instance_queries, &output.references, layer, frame_sizes)
    }

    /// See [`InferenceModel::heads`].
    pub(crate) fn heads_of(
        &self,
        instance_queries: &Tensor,
        references: &Tensor,
        layer: usize,
        frame_sizes: &[ImageSize],
    ) -> Heads {
        Heads {
            pred_logits: self.class_embed[layer].forward_full(instance_queries),
            dynamic_params: self.controller.forward_full(instance_queries),
            reference_points_px: reference_points_px(references, frame_sizes),
        }
    }

    /// Index of the last decoder layer, whose predictions are the result.
    pub fn last_layer(&self) -> usize {
        self.class_embed.len() - 1
    }

    /// Mask features of frames: `[N, S, C]` → `[N, C / 32, H / 8, W / 8]`.
    pub fn mask_features(&self, memory: &Tensor, layout: &TokenLayout) -> Tensor {
        self.in_precision(|| self.mask_head.features(memory, layout))
    }

    /// Mask logits of instances in frames of one clip.
    ///
    /// # Shapes
    ///
    /// - `features`: `[T, C / 32, h, w]`
    /// - `dynamic_params`: `[I, parameters]`
    /// - `reference_points_px`: `[T, I, 2]`
    /// - output: `[I, T, 2h, 2w]`, with a stride of 4 pixels
    pub fn masks(
        &self,
        features: &Tensor,
        dynamic_params: &Tensor,
        reference_points_px: &Tensor,
    ) -> Tensor {
        // bf16 is too imprecise for distances in pixels.
        let features = features.to_kind(dynamic_params.kind());
        let masks =
            || full_precision(|| dynamic_masks(&features, dynamic_params, reference_points_px));
        timed(Stage::Masks, masks)
    }
}

#[cfg(test)]
mod tests;
