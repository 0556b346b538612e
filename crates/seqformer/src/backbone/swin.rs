//! Swin Transformer: attention within windows that shift from block to block.
//!
//! Liu et al. (arXiv:2103.14030). Reference: VNext `seqformer/models/swin.py`, `D2SwinTransformer`. Maps are `[N, H, W,
//! C]` here.

#![expect(
    clippy::arc_with_non_send_sync,
    reason = "autograd may drop a recomputed part on a thread of its own"
)]

use std::sync::Arc;

use tch::nn::Init;
use tch::{Tensor, nn};

use super::{Backbone, PreparedBackbone, ShapeSpec};
use crate::Precision;
use crate::config::{PATCH_SIZE, SwinConfig};
use crate::layers::{LayerNorm, checkpointed, dropout};

mod block;
mod block_shape;
mod patches;
mod prepared;
mod window_attention;
mod window_grid;

use block::Block;
use block_shape::BlockShape;
use patches::{PatchEmbedding, PatchMerging};
use prepared::PreparedSwin;

/// A Swin Transformer that returns res2 to res5.
#[derive(Debug)]
pub struct SwinTransformer {
    patch_embed: PatchEmbedding,
    absolute_pos_embed: Option<Tensor>,
    dropout: f64,
    stages: Vec<Stage>,
    outputs: Vec<ShapeSpec>,
    recompute: bool,
}

/// The blocks at one resolution.
#[derive(Debug)]
struct Stage {
    blocks: Vec<Arc<Block>>,
    /// Normalizes the output, but not the input of the next stage.
    norm: LayerNorm,
    /// Halves the map's size for the next stage.
    downsample: Option<PatchMerging>,
}

impl SwinTransformer {
    /// Builds the network.
    ///
    /// Parameters under `vs`: `patch_embed.{proj, norm}`, `absolute_pos_embed` if there is one,
    /// `layers.{i}.blocks.{j}`, `layers.{i}.downsample.{norm, reduction}`, `norm{0..3}`.
    pub fn new(vs: &nn::Path<'_>, config: &SwinConfig) -> Self {
        let patch_embed =
            PatchEmbedding::new(&(vs / "patch_embed"), config.embed_dim, config.patch_norm);
        let side = config.pretrain_image_size / PATCH_SIZE;
        let shape = [1, config.embed_dim, side, side];
        let absolute_pos_embed = config
            .absolute_position_embedding
            .then(|| vs.var("absolute_pos_embed", &shape, Init::Const(0.0)));
        let num_blocks: i64 = config.depths.iter().sum();
        let mut block_index = 0.0;
        let mut stages = Vec::new();
        let mut outputs = Vec::new();
        for (i, (&depth, &num_heads)) in config.depths.iter().zip(&config.num_heads).enumerate() {
            let channels = config.embed_dim << i;
            let layer = vs / "layers" / i;
            let mut blocks = Vec::new();
            for j in 0..depth {
                let shape = BlockShape {
                    channels,
                    num_heads,
                    window_size: config.window_size,
                    // Every second block uses shifted windows.
                    shift: if j % 2 == 0 { 0 } else { config.window_size / 2 },
                    // Increases from 0 at the first block of the network to the full rate at the last.
                    drop_path: config.drop_path * block_index / (num_blocks - 1).max(1) as f64,
                };
                blocks.push(Arc::new(Block::new(&(&layer / "blocks" / j), shape, config)));
                block_index += 1.0;
            }
            let is_last = i + 1 == config.depths.len();
            stages.push(Stage {
                blocks,
                downsample: (!is_last)
                    .then(|| PatchMerging::new(&(&layer / "downsample"), channels)),
                norm: LayerNorm::new(&(vs / format!("norm{i}")), channels),
            });
            outputs.push(ShapeSpec { channels, stride: PATCH_SIZE << i });
        }
        let (dropout, recompute) = (config.dropout, false);
        Self { patch_embed, absolute_pos_embed, dropout, stages, outputs, recompute }
    }

    /// A network that shares the tensors of this one, without gradients and dropout.
    fn detach(&self) -> Self {
        Self {
            patch_embed: self.patch_embed.detach(),
            absolute_pos_embed: self.absolute_pos_embed.as_ref().map(Tensor::detach),
            dropout: 0.0,
            stages: self.stages.iter().map(Stage::detach).collect(),
            outputs: self.outputs.clone(),
            recompute: false,
        }
    }

    /// The position embedding, resized to the map, `[1, H, W, C]`.
    fn position_embedding(&self, height: i64, width: i64) -> Option<Tensor> {
        let embedding = self.absolute_pos_embed.as_ref()?;
        Some(embedding.upsample_bicubic2d([height, width], false, None, None).permute([0, 2, 3, 1]))
    }
}

impl Backbone for SwinTransformer {
    fn output_shape(&self) -> &[ShapeSpec] {
        &self.outputs
    }

    fn forward(&self, images: &Tensor) -> Vec<Tensor> {
        let mut map = self.patch_embed.forward(images); // [N, H, W, C]
        let size = map.size();
        if let Some(positions) = self.position_embedding(size[1], size[2]) {
            map += positions;
        }
        map = dropout(map, self.dropout);
        let mut outputs = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            for block in &stage.blocks {
                map = if self.recompute {
                    let block = Arc::clone(block);
                    let [map] = checkpointed(&[&map], move |inputs| [block.forward(&inputs[0])]);
                    map
                } else {
                    block.forward(&map)
                };
            }
            outputs.push(stage.norm.forward(&map).permute([0, 3, 1, 2])); // [N, C, H, W]
            if let Some(downsample) = &stage.downsample {
                map = downsample.forward(&map);
            }
        }
        outputs
    }

    fn set_recompute(&mut self, recompute: bool) {
        self.recompute = recompute;
    }

    /// Layer normalization has no statistics.
    fn calibrate(&self, _images: &Tensor, _which: &dyn Fn(&str) -> bool) {}

    fn prepare(self: Box<Self>, precision: Precision) -> Box<dyn PreparedBackbone> {
        Box::new(PreparedSwin::new(&self, precision))
    }
}

impl Stage {
    fn detach(&self) -> Self {
        Self {
            blocks: self.blocks.iter().map(|block| Arc::new(block.detach())).collect(),
            norm: self.norm.detach(),
            downsample: self.downsample.as_ref().map(PatchMerging::detach),
        }
    }
}

#[cfg(test)]
mod tests;
