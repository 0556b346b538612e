//! The whole network as it predicts: all weights are laid out, and nothing in it changes.

mod decoder;
mod encoder;
mod mask_head;

use seqformer_masks::ImageSize;
use seqformer_ops::cuda_device::Tf32Scope;
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
    DecoderLayerOutput, DecoderOutput, FrameReading, KeepLayers, Memory, QueryEmbedding,
    RunningReading, TokenLayout,
};
use crate::{Heads, ModelError, Precision, SeqFormer, normalize_and_pad};

use decoder::PreparedDecoder;
use encoder::PreparedEncoder;
use mask_head::{PreparedMaskHead, dynamic_masks};

/// The SeqFormer network, in inference: [`SeqFormer::prepare`] makes it.
///
/// It has its weights to itself, laid out for one precision, and what follows from them: constants by the size of
/// frames, and CUDA graphs.
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

/// From a map of the backbone to a level of the transformer.
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
    /// Gives the network up for one that predicts in `precision`.
    ///
    /// The parameters go with it, so that nobody changes weights which the other has laid out in its own way: other
    /// weights are another network.
    pub fn prepare(self, variables: nn::VarStore, precision: Precision) -> InferenceModel {
        // So that a plain weight is freed as soon as it is laid out.
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
            // What boxes and masks follow from directly is computed in full.
            controller: PreparedMlp::new(&model.controller, Precision::F32),
            mask_head: PreparedMaskHead::new(&model.mask_head, precision),
            device_cache: DeviceCache::default(),
        }
    }

    /// The sizes of the network.
    pub fn config(&self) -> &SeqFormerConfig {
        &self.config
    }

    /// Where the network computes.
    pub fn device(&self) -> tch::Device {
        self.device
    }

    /// The precision in which it computes.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What is kept for the device.
    pub(crate) fn device_cache(&self) -> &DeviceCache {
        &self.device_cache
    }

    /// Runs a part of the network: on a GPU, `bf16` is libtorch's own mixed precision, and TF32 is used only where it was
    /// asked for.
    fn in_precision<R>(&self, work: impl FnOnce() -> R) -> R {
        if !self.device.is_cuda() {
            return work();
        }
        // Without the part for GPUs it stays as libtorch has it, which the predictor warns of.
        let _tf32 = Tf32Scope::begin(self.precision == Precision::Tf32).ok();
        if self.precision == Precision::Bf16 { autocast(self.device, work) } else { work() }
    }

    /// Normalises frames `[T, 3, H, W]` of 0 to 255 and pads them to a multiple of 32.
    ///
    /// # Errors
    ///
    /// If the frames have another shape.
    pub fn preprocess(&self, frames: &Tensor, size: ImageSize) -> Result<Tensor, ModelError> {
        let images = || normalize_and_pad(frames, padded_size(size), &self.config, self.device);
        timed(Stage::Backbone, images)
    }

    /// The tokens of clips whose frames have these sizes, all padded to the largest.
    pub fn token_layout(&self, sizes: &[ImageSize]) -> TokenLayout {
        let padded = padded_size(largest(sizes));
        TokenLayout::of_clips(sizes, padded, self.backbone.output_shape(), &self.level_embed)
    }

    /// The backbone's maps of some images: `[N * T, 3, H, W]` → res2 to res5.
    pub fn backbone_features(&self, images: &Tensor) -> Vec<Tensor> {
        timed(Stage::Backbone, || self.backbone.forward(images))
    }

    /// The maps of the four levels, `[N * T, C, h, w]` each.
    pub fn project(&self, features: &[Tensor]) -> Vec<Tensor> {
        let last = features.len() - 1;
        let project = |(level, projection): (usize, &PreparedProjection)| {
            // The last level is made of the coarsest map once more.
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
        // Sums of layers are in full.
        let tokens = layout.flatten(maps).to_kind(self.level_embed.kind());
        timed(Stage::Encoder, || self.encoder.forward(&tokens, layout, each_layer))
    }

    /// From images `[N * T, 3, H, W]` to memory `[N, T, S, C]`.
    pub fn encode_images(&self, images: &Tensor, layout: &TokenLayout) -> Tensor {
        self.in_precision(|| {
            let maps = self.project(&self.backbone_features(images));
            self.encode(&maps, layout, &mut |_| {})
        })
    }

    /// Decodes all queries from the memory of all frames.
    pub fn decode(&self, memory: &Memory, layout: &TokenLayout, keep: KeepLayers) -> DecoderOutput {
        let queries = self.query_embed.queries();
        let read = |tokens: &Tensor| self.decoder.read_frames(&queries, tokens, layout, keep);
        let readings: Vec<FrameReading> = memory.parts.iter().map(read).collect();
        self.decoder.decode(&queries, &readings.iter().collect::<Vec<_>>())
    }

    /// What the decoder needs of some frames of one clip: `memory` is `[1, T', S, C]`.
    pub fn read_frames(&self, memory: &Tensor, layout: &TokenLayout) -> FrameReading {
        self.in_precision(|| {
            let queries = self.query_embed.queries();
            self.decoder.read_frames(&queries, memory, layout, KeepLayers::Last)
        })
    }

    /// Decodes all queries from the frames of one clip; only the last layer is kept.
    pub fn decode_frames(&self, frames: &[&FrameReading]) -> DecoderLayerOutput {
        self.decoder.decode(&self.query_embed.queries(), frames).layers.remove(0)
    }

    /// The instance queries after the last layer, `[1, Q, C]`, from all frames that were read.
    pub fn decode_running(&self, reading: &RunningReading) -> Tensor {
        self.decoder.decode_running(&self.query_embed.queries(), reading)
    }

    /// Applies the class and mask heads to the results of decoder layer `layer`.
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

    /// Mask features of some frames: `[N, S, C]` → `[N, C / 32, H / 8, W / 8]`.
    pub fn mask_features(&self, memory: &Tensor, layout: &TokenLayout) -> Tensor {
        self.in_precision(|| self.mask_head.features(memory, layout))
    }

    /// Mask logits of some instances on some frames of one clip.
    ///
    /// # Shapes
    ///
    /// - `features`: `[T, C / 32, h, w]`
    /// - `dynamic_params`: `[I, parameters]`
    /// - `reference_points_px`: `[T, I, 2]`
    /// - output: `[I, T, 2h, 2w]`, one cell for four pixels
    pub fn masks(
        &self,
        features: &Tensor,
        dynamic_params: &Tensor,
        reference_points_px: &Tensor,
    ) -> Tensor {
        // Distances in pixels do not survive bf16.
        let features = features.to_kind(dynamic_params.kind());
        let masks =
            || full_precision(|| dynamic_masks(&features, dynamic_params, reference_points_px));
        timed(Stage::Masks, masks)
    }
}

#[cfg(test)]
mod tests;
