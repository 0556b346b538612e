//! From the mask logits of a frame to run lengths at the size of the video, without a map of full size in
//! between.
//!
//! The same pixels as those of [`seqformer::inference::final_masks`], or of
//! [`seqformer::inference::final_masks_in_one_step`]: a probability is above one half where
//! its logit is above 0, and bilinear rows are made, compared and forgotten one by one.

use seqformer_masks::{BitMask, Rle};
use tch::{Device, Kind, Tensor};

use super::geometry::{Enlargement, FrameGeometry};
use super::one_step::OneStep;

/// Pixels of a frame, each way, for one cell of the logits.
const STRIDE: usize = seqformer::config::MASK_STRIDE as usize;

/// How much the nearer of two cells counts for each of the four pixels between the middles of the cell before
/// and the one behind: the first two pixels of a cell lean on the cell before.
const NEARER: [f32; STRIDE] = [0.625, 0.875, 0.875, 0.625];

/// The mask logits of one frame in plain memory.
#[derive(Debug)]
pub(super) struct FrameLogits {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl FrameLogits {
    /// Takes logits `[I, h, w]` from the device, one cell for four pixels of the padded input.
    pub(super) fn new(logits: &Tensor) -> Self {
        let (_, height, width) = logits.size3().expect("mask logits are [I, h, w]");
        let logits = logits.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
        let mut values = vec![0.0; logits.numel()];
        logits.copy_data(&mut values, logits.numel());
        Self { values, height: height as usize, width: width as usize }
    }

    /// The masks of all instances.
    pub(super) fn encode(&self, frame: FrameGeometry) -> Vec<Rle> {
        let cells = self.height * self.width;
        if cells == 0 {
            return Vec::new();
        }
        let masks = self.values.chunks_exact(cells);
        match frame.enlargement {
            Enlargement::ByInput => masks.map(|mask| self.encode_mask(mask, frame)).collect(),
            Enlargement::InOneStep => {
                let step = OneStep::new([self.height, self.width], frame);
                masks.map(|mask| step.encode(mask)).collect()
            }
        }
    }

    fn encode_mask(&self, mask: &[f32], frame: FrameGeometry) -> Rle {
        let FrameGeometry { input, output, .. } = frame;
        let (height, width) = (output.height as usize, output.width as usize);
        let rows = nearest_indices(input.height, output.height);
        let columns = (i64::from(output.width) != input.width)
            .then(|| nearest_indices(input.width, output.width));
        let mut pixels = vec![0_u8; height * width];
        let mut upsampled = Upsampled::new(mask, self.height, self.width);
        let mut line = vec![0_u8; STRIDE * self.width];
        let mut last = None;
        for (&row, out) in rows.iter().zip(pixels.chunks_exact_mut(width.max(1))) {
            if last.replace(row) != Some(row) {
                upsampled.inside(row, &mut line);
            }
            match &columns {
                None => out.copy_from_slice(&line[..width]),
                Some(columns) => {
                    for (pixel, &column) in out.iter_mut().zip(columns) {
                        *pixel = line[column];
                    }
                }
            }
        }
        Rle::encode(&BitMask::from_bytes(output, pixels).expect("there is one byte per pixel"))
    }
}

/// A mask whose rows become wide one by one, top to bottom.
struct Upsampled<'a> {
    mask: &'a [f32],
    height: usize,
    width: usize,
    /// Rows of cells in the width of pixels; the two that were used last.
    wide: [WideRow; 2],
}

#[derive(Default)]
struct WideRow {
    /// Which row of cells it is.
    cell: Option<usize>,
    values: Vec<f32>,
    has_inside: bool,
}

impl<'a> Upsampled<'a> {
    fn new(mask: &'a [f32], height: usize, width: usize) -> Self {
        Self { mask, height, width, wide: [WideRow::default(), WideRow::default()] }
    }

    /// Writes 1 for every pixel of a row whose logit is above 0, otherwise 0.
    fn inside(&mut self, row: usize, line: &mut [u8]) {
        let (cell, offset) = (row / STRIDE, row % STRIDE);
        let other = if offset < STRIDE / 2 { cell.saturating_sub(1) } else { cell + 1 };
        let other = other.min(self.height - 1);
        let (nearer, farther) = (NEARER[offset], 1.0 - NEARER[offset]);
        self.widen(cell);
        self.widen(other);
        let (near, far) = (&self.wide[cell % 2], &self.wide[other % 2]);
        if !near.has_inside && !far.has_inside {
            line.fill(0);
            return;
        }
        for ((pixel, &near), &far) in line.iter_mut().zip(&near.values).zip(&far.values) {
            *pixel = u8::from(near * nearer + far * farther > 0.0);
        }
    }

    /// Makes the row of cells wide, unless it was used last.
    fn widen(&mut self, cell: usize) {
        let wide = &mut self.wide[cell % 2];
        if wide.cell == Some(cell) {
            return;
        }
        wide.cell = Some(cell);
        let row = &self.mask[cell * self.width..][..self.width];
        wide.has_inside = row.iter().any(|&logit| logit > 0.0);
        wide.values.resize(STRIDE * self.width, 0.0);
        for (index, pixels) in wide.values.chunks_exact_mut(STRIDE).enumerate() {
            let here = row[index];
            let (before, behind) =
                (row[index.saturating_sub(1)], row[(index + 1).min(self.width - 1)]);
            for (offset, pixel) in pixels.iter_mut().enumerate() {
                let other = if offset < STRIDE / 2 { before } else { behind };
                *pixel = here * NEARER[offset] + other * (1.0 - NEARER[offset]);
            }
        }
    }
}

/// The input row or column of every output one, as libtorch picks the nearest: in single precision.
fn nearest_indices(input: i64, output: u32) -> Vec<usize> {
    let last = usize::try_from(input - 1).unwrap_or(0);
    let scale = input as f32 / output as f32;
    (0..output).map(|index| ((index as f32 * scale).floor() as usize).min(last)).collect()
}

#[cfg(test)]
mod tests;
