//! The values of one head as a dense block.

use super::inputs::{MsDeformAttnInputs, Task};
use crate::aligned::Aligned;
use crate::element::Element;
use crate::prefetch::prefetch;

/// Minimum number of channels per block; the rest of a row is zero.
const NARROWEST: usize = 8;

/// How many tokens ahead the rows of a head are prefetched.
pub(super) const PREFETCH_ROWS: usize = 24;

/// Channels per block for heads of `channels`: the widest compiled width that divides them.
pub(super) fn block_width(channels: usize) -> usize {
    let divides = |width: &usize| channels.is_multiple_of(*width);
    [64, 32, 16].into_iter().find(divides).unwrap_or(NARROWEST)
}

/// One head of one clip: `[S, D]` in `f32`, rows padded with zeros to a multiple of the block width.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) rows: Aligned<f32>,
    pub(super) row_length: usize,
    of: Option<(usize, usize)>,
}

impl Head {
    pub(super) fn new(channels: usize) -> Self {
        let width = block_width(channels);
        Self { rows: Aligned::new(0), row_length: channels.div_ceil(width) * width, of: None }
    }

    /// Copies the head of `task`, unless it is already here; padded tokens become zero.
    #[inline(always)]
    pub(super) fn load<T: Element>(&mut self, inputs: &MsDeformAttnInputs<'_, T>, task: Task) {
        let (shape, value) = (inputs.shape, inputs.value);
        if self.of == Some((task.clip, task.head)) {
            return;
        }
        if self.rows.len() != shape.tokens * self.row_length {
            self.rows = Aligned::new(shape.tokens * self.row_length);
        }
        let (from, stride) = if inputs.head_major {
            let head = task.clip * shape.heads + task.head;
            (head * shape.tokens * shape.channels, shape.channels)
        } else {
            let stride = shape.heads * shape.channels;
            (task.clip * shape.tokens * stride + task.head * shape.channels, stride)
        };
        for (token, row) in self.rows.chunks_exact_mut(self.row_length).enumerate() {
            let source = &value[from + token * stride..][..shape.channels];
            prefetch(value, from + (token + PREFETCH_ROWS) * stride, shape.channels);
            for (to, from) in row.iter_mut().zip(source) {
                *to = from.to_f32();
            }
        }
        if let Some(padding) = inputs.padding_of(task.clip) {
            for (row, _) in self
                .rows
                .chunks_exact_mut(self.row_length)
                .zip(padding)
                .filter(|(_, padded)| **padded)
            {
                row.fill(0.0);
            }
        }
        self.of = Some((task.clip, task.head));
    }
}

/// The head of `task` in place, if its layout suits the kernel: dense rows without padding.
#[inline(always)]
pub(super) fn dense_head<'a, T: Element>(
    inputs: &MsDeformAttnInputs<'a, T>,
    task: Task,
    row_length: usize,
) -> Option<&'a [T]> {
    let shape = inputs.shape;
    if !inputs.head_major || row_length != shape.channels || !inputs.padding.is_empty() {
        return None;
    }
    let length = shape.tokens * shape.channels;
    let first = (task.clip * shape.heads + task.head) * length;
    Some(&inputs.value[first..][..length])
}
