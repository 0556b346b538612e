//! The whole trainable network: backbone, transformer and heads.
//!
//! Reference: VNext `seqformer/models/deformable_detr.py`, `DeformableDETR`, and `models/segmentation_condInst.py`,
//! `CondInst_segm`.

use seqformer_masks::ImageSize;
use seqformer_ops::precision::full_precision;
use seqformer_ops::small_tensor;
use tch::{Tensor, nn};

use crate::backbone::{self, Backbone};
use crate::config::{NUM_LEVELS, SeqFormerConfig};
use crate::frame_size::{largest, padded_size};
use crate::layers::{Conv2d, ConvShape, GroupNorm, Linear, Mlp};
use crate::mask_head::{MaskHead, dynamic_masks, num_dynamic_params};
use crate::transformer::{
    Decoder, DecoderLayerOutput, DecoderOutput, Encoder, KeepLayers, Queries, QueryEmbedding,
    TokenLayout, inverse_sigmoid,
};
use crate::{ModelError, normalize_and_pad};

mod training;

pub use training::{TrainLayer, TrainOutput};

/// Groups of the normalization after each input projection.
const NORM_GROUPS: i64 = 32;

/// The trainable SeqFormer network: its layers are plain, and apply dropout as configured.
///
/// [`SeqFormer::prepare`] converts it to the [`InferenceModel`](crate::inference::InferenceModel) that predicts.
#[derive(Debug)]
pub struct SeqFormer {
    pub(crate) config: SeqFormerConfig,
    pub(crate) backbone: Box<dyn Backbone>,
    pub(crate) input_proj: Vec<InputProjection>,
    pub(crate) level_embed: Tensor,
    pub(crate) encoder: Encoder,
    pub(crate) decoder: Decoder,
    pub(crate) query_embed: QueryEmbedding,
    pub(crate) class_embed: Vec<Linear>,
    pub(crate) controller: Mlp,
    pub(crate) mask_head: MaskHead,
    pub(crate) device: tch::Device,
}

/// Projects a map of the backbone to a level of the transformer.
#[derive(Debug)]
pub(crate) struct InputProjection {
    pub(crate) conv: Conv2d,
    pub(crate) norm: GroupNorm,
}

/// The output for a batch of clips.
#[derive(Debug)]
pub struct ClipOutput {
    /// The queries and boxes of the kept decoder layers, in order.
    pub layers: Vec<DecoderLayerOutput>,
    /// Class logits of the same layers, `[N, Q, K]` each.
    pub pred_logits: Vec<Tensor>,
    /// Mask features, which all masks of a frame share, `[N * T, C / 32, H / 8, W / 8]`.
    pub mask_features: Tensor,
}

/// The output of the heads for one decoder layer.
#[derive(Debug)]
pub struct Heads {
    /// Class logits, `[N, Q, K]`.
    pub pred_logits: Tensor,
    /// Weights of each query's mask convolutions, `[N, Q, parameters]`.
    pub dynamic_params: Tensor,
    /// The position of each instance in each frame, (x, y) in pixels, `[N, T, Q, 2]`.
    pub reference_points_px: Tensor,
}

/// Parts of the network that use activation checkpointing: the backward pass recomputes the activations of their
/// layers.
///
/// Results do not change.
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
    /// Builds the network with its parameters under `vs`, with VNext's names.
    ///
    /// All weights are zero until they are loaded with [`crate::load_state_dict`].
    ///
    /// # Errors
    ///
    /// If the configuration is invalid.
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
            query_embed: QueryEmbedding::new(
                &(&detr / "query_embed"),
                &(&transformer / "reference_points"),
                config,
            ),
            class_embed: (0..layers)
                .map(|i| Linear::new(&(&detr / "class_embed" / i), dim, config.num_classes))
                .collect(),
            controller: Mlp::new(&(&root / "controller"), dim, dim, num_dynamic_params(dim)),
            mask_head: MaskHead::new(&(&root / "mask_head"), dim),
            device: vs.device(),
            backbone,
            config: config.clone(),
        })
    }

    /// The configuration of the network.
    pub fn config(&self) -> &SeqFormerConfig {
        &self.config
    }

    /// The device of the parameters.
    pub fn device(&self) -> tch::Device {
        self.device
    }

    /// Selects the parts that use activation checkpointing.
    pub fn set_recomputed_parts(&mut self, parts: RecomputedParts) {
        self.backbone.set_recompute(parts.backbone);
        self.encoder.recompute = parts.encoder;
        self.decoder.recompute = parts.decoder;
    }

    /// Sets the frozen statistics of the backbone to those of normalized images `[N, 3, H, W]`, for training from
    /// random weights.
    pub fn calibrate_backbone(&self, images: &Tensor) {
        self.calibrate_convolutions(images, &|_name| true);
    }

    /// Like [`SeqFormer::calibrate_backbone`], but only after the convolutions whose names `which` accepts, for
    /// training from weights that lack parts of the backbone.
    pub fn calibrate_convolutions(&self, images: &Tensor, which: &dyn Fn(&str) -> bool) {
        self.backbone.calibrate(images, which);
    }

    /// Runs the network on the frames of `N` clips, `[N * T, 3, H, W]`, normalized and padded.
    ///
    /// Masks are computed separately by [`SeqFormer::masks`], for selected queries.
    pub fn forward(&self, images: &Tensor, layout: &TokenLayout, keep: KeepLayers) -> ClipOutput {
        self.forward_with(&self.query_embed.queries(), images, layout, keep)
    }

    fn forward_with(
        &self,
        queries: &Queries,
        images: &Tensor,
        layout: &TokenLayout,
        keep: KeepLayers,
    ) -> ClipOutput {
        let memory = {
            let features = self.backbone_features(images); // res2 to res5
            let maps = self.project(&features); // [N * T, C, h, w] for each level
            self.encode(&maps, layout, &mut |_| {}) // [N, T, S, C]
        };
        let layers = self.decoder.forward(queries, &memory, layout, keep).layers; // [N, Q, C] and [N, T, Q, C] each
        let pred_logits = self.classify(&layers); // [N, Q, K] each
        let mask_features = self.mask_features(&memory.flatten(0, 1), layout);
        ClipOutput { layers, pred_logits, mask_features }
    }

    /// The backbone's maps of images: `[N * T, 3, H, W]` → res2 to res5.
    pub fn backbone_features(&self, images: &Tensor) -> Vec<Tensor> {
        self.backbone.forward(images)
    }

    /// The maps of the four levels, `[N * T, C, h, w]` each.
    pub fn project(&self, features: &[Tensor]) -> Vec<Tensor> {
        let last = features.len() - 1;
        let project = |(level, projection): (usize, &InputProjection)| {
            // The last level is computed from the coarsest map, which the previous level uses as well.
            let map = &features[(level + 1).min(last)];
            projection.norm.forward(&projection.conv.forward(map))
        };
        self.input_proj.iter().enumerate().map(project).collect()
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
        self.encoder.forward(&layout.flatten(maps), layout, each_layer)
    }

    /// Decodes all queries, given the memory of `N` clips, `[N, T, S, C]`.
    pub fn decode(&self, memory: &Tensor, layout: &TokenLayout, keep: KeepLayers) -> DecoderOutput {
        self.decoder.forward(&self.query_embed.queries(), memory, layout, keep)
    }

    /// Class logits of the kept decoder layers, `[N, Q, K]` each.
    fn classify(&self, layers: &[DecoderLayerOutput]) -> Vec<Tensor> {
        let heads = &self.class_embed[self.class_embed.len() - layers.len()..];
        let classify = |(layer, class_embed): (&DecoderLayerOutput, &Linear)| {
            class_embed.forward_full(&layer.instance_queries)
        };
        layers.iter().zip(heads).map(classify).collect()
    }

    /// Mask features of frames: `[N, S, C]` → `[N, C / 32, H / 8, W / 8]`.
    pub fn mask_features(&self, memory: &Tensor, layout: &TokenLayout) -> Tensor {
        self.mask_head.features(memory, layout)
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
        Heads {
            pred_logits: self.class_embed[layer].forward_full(&output.instance_queries),
            dynamic_params: self.controller.forward_full(&output.instance_queries),
            reference_points_px: reference_points_px(&output.references, frame_sizes),
        }
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
        full_precision(|| dynamic_masks(&features, dynamic_params, reference_points_px))
    }

    /// Normalizes frames `[T, 3, H, W]` in 0..255, and pads them to a multiple of 32.
    ///
    /// # Errors
    ///
    /// If the frames have another shape.
    pub fn preprocess(&self, frames: &Tensor, size: ImageSize) -> Result<Tensor, ModelError> {
        normalize_and_pad(frames, padded_size(size), &self.config, self.device)
    }

    /// The token layout of clips whose frames have these sizes, all padded to the largest.
    pub fn token_layout(&self, sizes: &[ImageSize]) -> TokenLayout {
        self.token_layout_in(sizes, padded_size(largest(sizes)))
    }

    /// The token layout of clips whose frames have these sizes, all padded to `padded`.
    fn token_layout_in(&self, sizes: &[ImageSize], padded: ImageSize) -> TokenLayout {
        TokenLayout::of_clips(sizes, padded, self.backbone.output_shape(), &self.level_embed)
    }
}

/// Centres of references in pixels of the unpadded frames: `[N, T, Q, 2 or 4]` → `[N, T, Q, 2]`.
pub(crate) fn reference_points_px(references: &Tensor, frame_sizes: &[ImageSize]) -> Tensor {
    let scale: Vec<f32> =
        frame_sizes.iter().flat_map(|size| [size.width as f32, size.height as f32]).collect();
    let scale = small_tensor(&scale, references.device()).view([-1, 1, 1, 2]);
    inverse_sigmoid(&references.narrow(-1, 0, 2)).sigmoid() * scale
}
