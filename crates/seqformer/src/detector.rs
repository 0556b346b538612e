//! The whole network: backbone, transformer and heads, once, for training and inference.
//!
//! Reference: VNext `seqformer/models/deformable_detr.py`, `DeformableDETR`, and
//! `models/segmentation_condInst.py`, `CondInst_segm`.

use seqformer_ops::cuda_device::Tf32Scope;
use seqformer_ops::precision::{autocast, full_precision};
use seqformer_ops::{LevelSize, small_tensor};
use tch::{Tensor, nn};

use crate::backbone::{self, Backbone};
use crate::clip::{FrameSize, padding_mask};
use crate::config::{NUM_LEVELS, SeqFormerConfig};
use crate::inference::DeviceCache;
use crate::layers::{Conv2d, ConvShape, GroupNorm, Linear, Mlp};
use crate::mask_head::{MaskHead, dynamic_masks, num_dynamic_params};
use crate::stage_clock::{Stage, timed};
use crate::transformer::{
    Decoder, DecoderLayerOutput, DecoderOutput, Encoder, FrameReading, KeepLayers, Memory, Queries,
    RunningReading, TokenLayout, inverse_sigmoid,
};
use crate::{ModelError, Precision, normalize_and_pad};

mod training;

pub use training::{TrainLayer, TrainOutput};

/// Groups of the normalisation behind each input projection.
const NORM_GROUPS: i64 = 32;

/// The SeqFormer network.
#[derive(Debug)]
pub struct SeqFormer {
    config: SeqFormerConfig,
    backbone: Box<dyn Backbone>,
    input_proj: Vec<InputProjection>,
    level_embed: Tensor,
    encoder: Encoder,
    decoder: Decoder,
    query_embed: Tensor,
    reference_points: Linear,
    class_embed: Vec<Linear>,
    controller: Mlp,
    mask_head: MaskHead,
    device: tch::Device,
    precision: Precision,
    /// Of inference.
    device_cache: DeviceCache,
}

#[derive(Debug)]
struct InputProjection {
    conv: Conv2d,
    norm: GroupNorm,
}

/// What the heads say about the queries of one decoder layer.
#[derive(Debug)]
pub struct Heads {
    /// Class logits, `[N, Q, K]`.
    pub pred_logits: Tensor,
    /// Weights of each query's mask convolutions, `[N, Q, parameters]`.
    pub dynamic_params: Tensor,
    /// Where each instance is on each frame, (x, y) in pixels, `[N, T, Q, 2]`.
    pub reference_points_px: Tensor,
}

/// Parts of the network that train with activation checkpointing: the backward pass runs their layers once more.
///
/// It changes no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecomputedParts {
    /// Blocks of the backbone.
    pub backbone: bool,
    /// Encoder layers.
    pub encoder: bool,
    /// Decoder layers.
    pub decoder: bool,
}

impl SeqFormer {
    /// Builds the network with its parameters under `vs`, in the names of VNext.
    ///
    /// All weights begin as zeros: fill them with [`crate::load_state_dict`].
    ///
    /// # Errors
    ///
    /// If the sizes do not make a network.
    pub fn new(vs: &nn::Path<'_>, config: &SeqFormerConfig) -> Result<Self, ModelError> {
        config.check()?;
        let root = vs / "detr";
        let detr = &root / "detr";
        let transformer = &detr / "transformer";
        let dim = config.transformer.hidden_dim;
        let layers = config.transformer.num_decoder_layers;
        let backbone = backbone::build(&(&detr / "backbone" / 0 / "backbone"), &config.backbone);
        let outputs = backbone.output_shape().to_vec();
        let input_proj = (0..NUM_LEVELS).map(|level| {
            let vs = &detr / "input_proj" / level;
            let last = outputs[outputs.len() - 1].channels;
            let shape = match outputs.get(level + 1) {
                Some(map) => ConvShape::pointwise(map.channels, dim),
                None => ConvShape::three(last, dim).stride(2),
            };
            let conv = Conv2d::new(&(&vs / 0), shape);
            InputProjection { conv, norm: GroupNorm::new(&(&vs / 1), NORM_GROUPS, dim) }
        });
        Ok(Self {
            input_proj: input_proj.collect(),
            level_embed: transformer.zeros("level_embed", &[NUM_LEVELS as i64, dim]),
            encoder: Encoder::new(&(&transformer / "encoder"), &config.transformer),
            decoder: Decoder::new(&(&transformer / "decoder"), &config.transformer),
            reference_points: Linear::new(&(&transformer / "reference_points"), dim, 2),
            class_embed: (0..layers)
                .map(|i| Linear::new(&(&detr / "class_embed" / i), dim, config.num_classes))
                .collect(),
            query_embed: (&detr / "query_embed").zeros("weight", &[config.num_queries, 2 * dim]),
            controller: Mlp::new(&(&root / "controller"), dim, dim, num_dynamic_params(dim)),
            mask_head: MaskHead::new(&(&root / "mask_head"), dim),
            device: vs.device(),
            precision: Precision::F32,
            device_cache: DeviceCache::default(),
            backbone,
            config: config.clone(),
        })
    }

    /// The sizes of the network.
    pub fn config(&self) -> &SeqFormerConfig {
        &self.config
    }

    /// Where the parameters are.
    pub fn device(&self) -> tch::Device {
        self.device
    }

    /// Prepares constants for inference in `precision`; call again after the parameters have changed.
    pub fn prepare_inference(&mut self, precision: Precision) {
        self.backbone.prepare_inference(precision);
        for projection in &mut self.input_proj {
            projection.conv.prepare_inference(precision);
        }
        self.encoder.prepare_inference(precision);
        self.decoder.prepare_inference(precision);
        self.mask_head.prepare_inference(precision);
        // What boxes and masks follow from directly is computed in full.
        self.controller.prepare_inference(Precision::F32);
        self.precision = precision;
        self.device_cache = DeviceCache::of_prepared_weights();
    }

    /// What inference keeps for its device.
    pub(crate) fn device_cache(&self) -> &DeviceCache {
        &self.device_cache
    }

    /// The precision of inference.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Runs a part of inference: on a GPU, `bf16` is libtorch's own mixed precision, and TF32 is used only where it was
    /// asked for.
    fn in_precision<R>(&self, work: impl FnOnce() -> R) -> R {
        if !self.device.is_cuda() {
            return work();
        }
        // Without the part for GPUs it stays as libtorch has it, which the predictor warns of.
        let _tf32 = Tf32Scope::begin(self.precision == Precision::Tf32).ok();
        if self.precision == Precision::Bf16 { autocast(self.device, work) } else { work() }
    }

    /// Chooses the parts that training runs again for the gradients, instead of keeping what they compute.
    pub fn set_recomputed_parts(&mut self, parts: RecomputedParts) {
        self.backbone.set_recompute(parts.backbone);
        self.encoder.recompute = parts.encoder;
        self.decoder.recompute = parts.decoder;
    }

    /// Sets the frozen statistics of the backbone to those of normalised images `[N, 3, H, W]`, for
    /// training from random weights.
    pub fn calibrate_backbone(&self, images: &Tensor) {
        self.calibrate_convolutions(images, &|_name| true);
    }

    /// Like [`SeqFormer::calibrate_backbone`], but only behind the convolutions whose names `which` takes, for
    /// training from weights that lack some of the backbone.
    pub fn calibrate_convolutions(&self, images: &Tensor, which: &dyn Fn(&str) -> bool) {
        self.backbone.calibrate(images, which);
    }

    /// Normalises frames `[T, 3, H, W]` of 0 to 255 and pads them to a multiple of 32.
    ///
    /// # Errors
    ///
    /// If the frames have another shape.
    pub fn preprocess(&self, frames: &Tensor, size: FrameSize) -> Result<Tensor, ModelError> {
        let images = || normalize_and_pad(frames, size.padded(), &self.config, self.device);
        timed(Stage::Backbone, images)
    }

    /// The tokens of clips whose frames have these sizes, all padded to the largest.
    pub fn token_layout(&self, sizes: &[FrameSize]) -> TokenLayout {
        let largest = FrameSize {
            height: sizes.iter().map(|size| size.height).max().unwrap_or(1),
            width: sizes.iter().map(|size| size.width).max().unwrap_or(1),
        };
        self.token_layout_in(sizes, largest.padded())
    }

    /// The tokens of clips whose frames have these sizes, all padded to `padded`.
    pub(crate) fn token_layout_in(&self, sizes: &[FrameSize], padded: FrameSize) -> TokenLayout {
        let at = |stride: i64| LevelSize {
            height: padded.height / stride,
            width: padded.width / stride,
        };
        let outputs = self.backbone.output_shape();
        let mut levels: Vec<LevelSize> = outputs[1..].iter().map(|map| at(map.stride)).collect();
        let last = levels[levels.len() - 1];
        // What a 3×3 convolution of stride 2 leaves.
        levels.push(LevelSize { height: (last.height + 1) / 2, width: (last.width + 1) / 2 });
        let padding = padding_mask(sizes, padded, self.device);
        let any_padding = sizes.iter().any(|size| *size != padded);
        TokenLayout::new(&padding, &levels, &self.level_embed, any_padding)
    }

    /// The backbone's maps of some images: `[N * T, 3, H, W]` → res2 to res5.
    pub fn backbone_features(&self, images: &Tensor, train: bool) -> Vec<Tensor> {
        timed(Stage::Backbone, || self.backbone.forward_t(images, train))
    }

    /// The maps of the four levels, `[N * T, C, h, w]` each.
    pub fn project(&self, features: &[Tensor]) -> Vec<Tensor> {
        let last = features.len() - 1;
        let project = |(level, projection): (usize, &InputProjection)| {
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
        train: bool,
        each_layer: &mut dyn FnMut(&Tensor),
    ) -> Tensor {
        let tokens: Vec<Tensor> =
            maps.iter().map(|map| map.flatten(2, 3).transpose(1, 2)).collect();
        let mut tokens = Tensor::cat(&tokens, 1); // [N * T, S, C]
        if !train {
            // Sums of layers are in full.
            tokens = tokens.to_kind(self.level_embed.kind());
        }
        let (frames, num_tokens, channels) = tokens.size3().expect("tokens are [N * T, S, C]");
        let clips = layout.valid_ratios().size()[0];
        let tokens = tokens.view([clips, frames / clips, num_tokens, channels]);
        timed(Stage::Encoder, || self.encoder.forward_t(&tokens, layout, train, each_layer))
    }

    /// From images `[N * T, 3, H, W]` to memory `[N, T, S, C]`.
    pub fn encode_images(&self, images: &Tensor, layout: &TokenLayout, train: bool) -> Tensor {
        let encode = || {
            let maps = self.project(&self.backbone_features(images, train)[..]);
            self.encode(&maps, layout, train, &mut |_| {})
        };
        if train { encode() } else { self.in_precision(encode) }
    }

    /// Decodes all queries from the memory of all frames.
    pub fn decode(
        &self,
        memory: &Memory,
        layout: &TokenLayout,
        keep: KeepLayers,
        train: bool,
    ) -> DecoderOutput {
        self.decoder.forward_t(&self.queries(), &memory.parts, layout, keep, train)
    }

    /// What the decoder needs of some frames of one clip, for inference: `memory` is `[1, T', S, C]`.
    pub fn read_frames(&self, memory: &Tensor, layout: &TokenLayout) -> FrameReading {
        self.in_precision(|| {
            self.decoder.read_frames(&self.queries(), memory, layout, KeepLayers::Last, false)
        })
    }

    /// Decodes all queries from the frames of one clip, for inference; only the last layer is kept.
    pub fn decode_frames(&self, frames: &[&FrameReading]) -> DecoderLayerOutput {
        self.decoder.decode(&self.queries(), frames, false).layers.remove(0)
    }

    /// The instance queries after the last layer, `[1, Q, C]`, from all frames that were read.
    pub fn decode_running(&self, reading: &RunningReading) -> Tensor {
        self.decoder.decode_running(&self.queries(), reading)
    }

    fn queries(&self) -> Queries {
        let dim = self.config.transformer.hidden_dim;
        let positions = self.query_embed.narrow(1, 0, dim);
        Queries {
            reference_points: self.reference_points.forward_full(&positions).sigmoid(),
            content: self.query_embed.narrow(1, dim, dim),
            positions,
        }
    }

    /// Applies the class and mask heads to the results of decoder layer `layer`.
    ///
    /// `frame_sizes` are those of the `N` clips' frames without padding.
    pub fn heads(
        &self,
        output: &DecoderLayerOutput,
        layer: usize,
        frame_sizes: &[FrameSize],
    ) -> Heads {
        self.heads_of(&output.instance_queries, &output.references, layer, frame_sizes)
    }

    /// See [`SeqFormer::heads`].
    pub(crate) fn heads_of(
        &self,
        instance_queries: &Tensor,
        references: &Tensor,
        layer: usize,
        frame_sizes: &[FrameSize],
    ) -> Heads {
        Heads {
            pred_logits: self.class_embed[layer].forward_full(instance_queries),
            dynamic_params: self.controller.forward_full(instance_queries),
            reference_points_px: self.reference_points_px(references, frame_sizes),
        }
    }

    /// Centres of references in pixels of frames without padding: `[N, T, Q, 2 or 4]` → `[N, T, Q, 2]`.
    fn reference_points_px(&self, references: &Tensor, frame_sizes: &[FrameSize]) -> Tensor {
        let scale: Vec<f32> =
            frame_sizes.iter().flat_map(|size| [size.width as f32, size.height as f32]).collect();
        let scale = small_tensor(&scale, self.device).view([-1, 1, 1, 2]);
        inverse_sigmoid(&references.narrow(-1, 0, 2)).sigmoid() * scale
    }

    /// Index of the last decoder layer, whose predictions are the result.
    pub fn last_layer(&self) -> usize {
        self.class_embed.len() - 1
    }

    /// Mask features of some frames, for inference: `[N, S, C]` → `[N, C / 32, H / 8, W / 8]`.
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
