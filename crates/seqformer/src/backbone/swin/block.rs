//! A block: attention within windows, then a feed-forward network, each around a shortcut.

use tch::{Tensor, nn};

use super::window_attention::WindowAttention;
use super::window_grid::WindowGrid;
use crate::config::SwinConfig;
use crate::layers::{DropPath, LayerNorm, Linear, dropout};

/// What differs between the blocks of a network.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockShape {
    pub(super) channels: i64,
    pub(super) num_heads: i64,
    pub(super) window_size: i64,
    /// How far its windows are shifted, in tokens.
    pub(super) shift: i64,
    /// Share of images for which training leaves a branch out.
    pub(super) drop_path: f64,
}

/// Reference: `SwinTransformerBlock`.
#[derive(Debug)]
pub(super) struct Block {
    norm1: LayerNorm,
    attn: WindowAttention,
    norm2: LayerNorm,
    fc1: Linear,
    fc2: Linear,
    window_size: i64,
    shift: i64,
    dropout: f64,
    drop_path: DropPath,
}

impl Block {
    /// Parameters under `vs`: `norm1`, `attn`, `norm2`, `mlp.{fc1, fc2}`.
    pub(super) fn new(vs: &nn::Path<'_>, shape: BlockShape, config: &SwinConfig) -> Self {
        let channels = shape.channels;
        let hidden = config.mlp_channels(channels);
        let mlp = vs / "mlp";
        Self {
            norm1: LayerNorm::new(&(vs / "norm1"), channels),
            attn: WindowAttention::new(&(vs / "attn"), shape, config),
            norm2: LayerNorm::new(&(vs / "norm2"), channels),
            fc1: Linear::new(&(&mlp / "fc1"), channels, hidden),
            fc2: Linear::new(&(&mlp / "fc2"), hidden, channels),
            window_size: shape.window_size,
            shift: shape.shift,
            dropout: config.dropout,
            drop_path: DropPath { rate: shape.drop_path },
        }
    }

    pub(super) fn prepare_inference(&mut self) {
        self.attn.prepare_inference();
    }

    /// `[N, H, W, C]` → the same shape
    pub(super) fn forward_t(&self, map: &Tensor, train: bool) -> Tensor {
        let attended = self.attend(&self.norm1.forward(map), train);
        let map = map + self.drop_path.forward_t(&attended, train);
        let hidden = self.fc1.forward(&self.norm2.forward(&map)).gelu("none");
        let hidden = self.fc2.forward(&dropout(hidden, self.dropout, train));
        let hidden = dropout(hidden, self.dropout, train);
        map + self.drop_path.forward_t(&hidden, train)
    }

    /// Attends within windows. Zeros around the map take part as tokens, as in the reference.
    fn attend(&self, map: &Tensor, train: bool) -> Tensor {
        let (images, height, width, _) = map.size4().expect("maps are [N, H, W, C]");
        let grid = WindowGrid { height, width, window_size: self.window_size, shift: self.shift };
        let windows = self.attn.forward_t(&grid.partition(map), &grid, images, train);
        grid.merge(&windows, images)
    }
}
