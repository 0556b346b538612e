//! A block: attention within windows, then a feed-forward network, each with a residual connection.

use tch::{Tensor, nn};

use super::block_shape::BlockShape;
use super::window_attention::WindowAttention;
use super::window_grid::WindowGrid;
use crate::config::SwinConfig;
use crate::layers::{DropPath, LayerNorm, Linear, dropout};

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

    /// A block that shares the tensors of this one, without gradients and dropout.
    pub(super) fn detach(&self) -> Self {
        Self {
            norm1: self.norm1.detach(),
            attn: self.attn.detach(),
            norm2: self.norm2.detach(),
            fc1: self.fc1.detach(),
            fc2: self.fc2.detach(),
            window_size: self.window_size,
            shift: self.shift,
            dropout: 0.0,
            drop_path: DropPath { rate: 0.0 },
        }
    }

    /// `[N, H, W, C]` → the same shape
    pub(super) fn forward(&self, map: &Tensor) -> Tensor {
        let attended = self.attend(&self.norm1.forward(map));
        let map = map + self.drop_path.forward(&attended);
        let hidden = self.fc1.forward(&self.norm2.forward(&map)).gelu("none");
        let hidden = self.fc2.forward(&dropout(hidden, self.dropout));
        let hidden = dropout(hidden, self.dropout);
        map + self.drop_path.forward(&hidden)
    }

    /// Attends within windows. Zero padding of the map takes part as tokens, as in the reference.
    fn attend(&self, map: &Tensor) -> Tensor {
        let (images, height, width, _) = map.size4().expect("maps are [N, H, W, C]");
        let grid = WindowGrid { height, width, window_size: self.window_size, shift: self.shift };
        let windows = self.attn.forward(&grid.partition(map), &grid, images);
        grid.merge(&windows, images)
    }
}
