//! Attention among the tokens of a window, with a bias per relative position.

use tch::{Kind, Tensor, nn};

use super::block_shape::BlockShape;
use super::window_grid::WindowGrid;
use crate::config::SwinConfig;
use crate::layers::{self, Linear};

/// Added between tokens from opposite ends of the map. Not -∞, because the reference leaves a trace of attention.
const MASKED: f64 = -100.0;

/// Multi-head attention within windows. Reference: `WindowAttention`.
#[derive(Debug)]
pub(super) struct WindowAttention {
    qkv_weight: Tensor,
    qkv_bias: Option<Tensor>,
    proj: Linear,
    bias: PositionBias,
    num_heads: i64,
    scale: Option<f64>,
    attention_dropout: f64,
    dropout: f64,
}

/// The bias added to the attention between two tokens of a window.
#[derive(Debug)]
enum PositionBias {
    /// By relative position.
    Learned {
        /// One row per relative position, `[(2w - 1)², heads]`.
        table: Tensor,
        /// The row of the table for each pair of tokens, `[tokens²]`.
        index: Tensor,
        /// The mask of each kind of window, `[kinds, 1, tokens, tokens]`; `None` if no window is shifted.
        mask: Option<Tensor>,
    },
    /// The precomputed sum of both: `[kinds, heads, tokens, tokens]`.
    Constant(Tensor),
}

impl WindowAttention {
    /// Parameters under `vs`: `relative_position_bias_table` `[(2w - 1)², heads]`, the buffer
    /// `relative_position_index` `[w², w²]`, `qkv` (rows q, k, v), `proj`.
    pub(super) fn new(vs: &nn::Path<'_>, shape: BlockShape, config: &SwinConfig) -> Self {
        let BlockShape { channels, num_heads, window_size, shift, .. } = shape;
        let table = [(2 * window_size - 1).pow(2), num_heads];
        let index = relative_position_index(window_size).to_device(vs.device());
        let qkv = vs / "qkv";
        let bias = PositionBias::Learned {
            table: vs.zeros("relative_position_bias_table", &table),
            // The computed indices are used, not those of a file, which could be out of range.
            index: index.flatten(0, 1).copy(),
            mask: (shift > 0).then(|| window_masks(window_size, shift).to_device(vs.device())),
        };
        let attention = Self {
            bias,
            qkv_weight: qkv.zeros("weight", &[3 * channels, channels]),
            qkv_bias: config.qkv_bias.then(|| qkv.zeros("bias", &[3 * channels])),
            proj: Linear::new(&(vs / "proj"), channels, channels),
            num_heads,
            scale: config.qk_scale,
            attention_dropout: config.attention_dropout,
            dropout: config.dropout,
        };
        let _buffer = vs.add("relative_position_index", index, false);
        attention
    }

    /// A layer that shares the tensors of this one, without gradients and dropout; its bias is precomputed.
    pub(super) fn detach(&self) -> Self {
        Self {
            qkv_weight: self.qkv_weight.detach(),
            qkv_bias: self.qkv_bias.as_ref().map(Tensor::detach),
            proj: self.proj.detach(),
            bias: PositionBias::Constant(self.bias.sum(self.num_heads).detach()),
            num_heads: self.num_heads,
            scale: self.scale,
            attention_dropout: 0.0,
            dropout: 0.0,
        }
    }

    /// Attends within each of the windows into which `grid` divides `images` images.
    ///
    /// # Shapes
    ///
    /// - `windows`: `[windows, tokens, C]`
    /// - output: the same
    pub(super) fn forward(&self, windows: &Tensor, grid: &WindowGrid, images: i64) -> Tensor {
        let (count, tokens, channels) = windows.size3().expect("windows are [windows, tokens, C]");
        let qkv = windows.linear(&self.qkv_weight, self.qkv_bias.as_ref());
        let qkv = qkv.view([count, tokens, 3, self.num_heads, channels / self.num_heads]);
        let qkv = qkv.permute([2, 0, 3, 1, 4]); // [3, windows, M, tokens, C / M]
        let bias = self.bias.sum(self.num_heads);
        let mut first = 0;
        let mut read = Vec::new();
        for (kind, count) in (0..).zip(grid.windows_per_kind(images)) {
            if count == 0 {
                continue;
            }
            let part = qkv.narrow(1, first, count);
            let (query, key, value) = (part.get(0), part.get(1), part.get(2));
            let bias = Some(bias.narrow(0, kind, 1));
            let part = Tensor::scaled_dot_product_attention(
                &query,
                &key,
                &value,
                bias,
                self.attention_dropout,
                false,
                self.scale,
                false,
            ); // [windows, M, tokens, C / M]
            read.push(part.transpose(1, 2).reshape([count, tokens, channels]));
            first += count;
        }
        let read = if read.len() == 1 { read.remove(0) } else { Tensor::cat(&read, 0) };
        layers::dropout(self.proj.forward(&read), self.dropout)
    }
}

impl PositionBias {
    /// The bias of each kind of window, `[kinds, heads, tokens, tokens]`.
    fn sum(&self, num_heads: i64) -> Tensor {
        let (table, index, mask) = match self {
            Self::Learned { table, index, mask } => (table, index, mask),
            Self::Constant(bias) => return bias.shallow_clone(),
        };
        let tokens = (index.numel() as f64).sqrt() as i64;
        let bias = Tensor::embedding(table, index, -1, false, false);
        let bias = bias.view([1, tokens, tokens, num_heads]).permute([0, 3, 1, 2]).contiguous();
        match mask {
            Some(mask) => bias + mask.to_kind(table.kind()),
            None => bias,
        }
    }
}

/// The row of the bias table for each pair of tokens of a window, `[tokens, tokens]`.
fn relative_position_index(window_size: i64) -> Tensor {
    let tokens = || (0..window_size).flat_map(move |y| (0..window_size).map(move |x| (y, x)));
    let row = |(y1, x1): (i64, i64), (y2, x2): (i64, i64)| {
        (y1 - y2 + window_size - 1) * (2 * window_size - 1) + (x1 - x2 + window_size - 1)
    };
    let index: Vec<i64> =
        tokens().flat_map(|query| tokens().map(move |key| row(query, key))).collect();
    let count = window_size * window_size;
    Tensor::from_slice(&index).view([count, count])
}

/// The masks of the four kinds of windows in a shifted grid, `[4, 1, tokens, tokens]`.
///
/// The order of the kinds is that of [`WindowGrid`].
fn window_masks(window_size: i64, shift: i64) -> Tensor {
    let positions = Tensor::arange(window_size, (Kind::Int64, tch::Device::Cpu));
    // The last `shift` rows of a window in the last row come from the top of the map.
    let is_wrapped = positions.ge(window_size - shift).to_kind(Kind::Int64);
    let rows =
        is_wrapped.view([window_size, 1]).expand([window_size, window_size], false).flatten(0, 1);
    let columns =
        is_wrapped.view([1, window_size]).expand([window_size, window_size], false).flatten(0, 1);
    let differs = |labels: &Tensor| labels.unsqueeze(0).not_equal_tensor(&labels.unsqueeze(1));
    let (rows, columns) = (differs(&rows), differs(&columns));
    let either = rows.logical_or(&columns);
    let none = rows.zeros_like();
    let masks = Tensor::stack(&[none, columns, rows, either], 0).unsqueeze(1);
    masks.to_kind(Kind::Float) * MASKED
}
