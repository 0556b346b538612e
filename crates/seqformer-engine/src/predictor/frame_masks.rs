//! Converts the mask logits of a frame to run lengths at the video's resolution, without a full-size map.
//!
//! The pixels are those of [`seqformer::inference::final_masks`], or of
//! [`seqformer::inference::final_masks_in_one_step`]: a probability exceeds one half where its logit exceeds 0, and
//! bilinear rows are computed, compared and discarded one by one.

use seqformer_masks::{BitMask, Rle};
use tch::{Device, Kind, Tensor};

use super::geometry::{Enlargement, FrameGeometry};
use super::one_step::OneStep;

/// Pixels per cell of the logits, along each axis.
const STRIDE: usize = seqformer::config::MASK_STRIDE as usize;

/// Weight of the nearer of two cells for each of the four pixels between their centres: the first two pixels of a cell
/// are between it and the previous cell.
const NEARER: [f32; STRIDE] = [0.625, 0.875, 0.875, 0.625];

/// The mask logits of one frame in host memory.
#[derive(Debug)]
pub(super) struct FrameLogits {
    values: Vec<f32>,
    height: usize,
    width: usize,
}

impl FrameLogits {
    /// Copies logits `[I, h, w]` from the device, one cell per four pixels of the padded input.
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
        let columns =
            (output.width != input.width).then(|| nearest_indices(input.width, output.width));
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

/// A mask whose rows are upsampled one by one, top to bottom.
struct Upsampled<'a> {
    mask: &'a [f32],
    height: usize,
    width: usize,
    /// Rows of cells at the width of pixels; the two used last.
    wide: [WideRow; 2],
}

#[derive(Default)]
struct WideRow {
    /// Index of the row of cells.
    cell: Option<usize>,
    values: Vec<f32>,
    has_inside: bool,
}

impl<'a> Upsampled<'a> {
    fn new(mask: &'a [f32], height: usize, width: usize) -> Self {
        Self { mask, height, width, wide: [WideRow::default(), WideRow::default()] }
    }

    /// Writes 1 for every pixel of a row whose logit exceeds 0, otherwise 0.
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

    /// Upsamples the row of cells, unless it was used last.
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

/// The input row or column of every output one, rounded to nearest in single precision as in libtorch.
fn nearest_indices(input: u32, output: u32) -> Vec<usize> {
    let last = input.saturating_sub(1) as usize;
    let scale = input as f32 / output as f32;
    (0..output).map(|index| ((index as f32 * scale).floor() as usize).min(last)).collect()
}

#[cfg(test)]
mod tests {
    use seqformer::inference::{final_masks, final_masks_in_one_step};
    use seqformer_masks::ImageSize;

    use super::*;
    use crate::encode_masks;

    /// Compares with the plain tensor operations, pixel by pixel.
    fn check(logits: &Tensor, input: [u32; 2], output: [u32; 2]) {
        let input = ImageSize { height: input[0], width: input[1] };
        let output = ImageSize { height: output[0], width: output[1] };
        let both = [
            (Enlargement::ByInput, final_masks(logits, input, output)),
            (Enlargement::InOneStep, final_masks_in_one_step(logits, input, output)),
        ];
        for (enlargement, expected) in both {
            let geometry = FrameGeometry { input, output, enlargement };
            let found = FrameLogits::new(logits).encode(geometry);
            assert_eq!(found, encode_masks(&expected), "{input} to {output}, {enlargement:?}");
        }
    }

    #[test]
    fn pixels_equal_those_of_the_tensor_operations() {
        tch::manual_seed(3);
        for (cells, input) in [([8, 16], [32, 64]), ([8, 16], [29, 37]), ([8, 8], [1, 1])] {
            let logits = Tensor::randn([3, cells[0], cells[1]], (Kind::Float, Device::Cpu));
            for output in [input, [61, 200], [10, 7], [1, 1]] {
                check(&logits, input, output);
            }
        }
    }

    #[test]
    fn smooth_masks_and_those_without_a_pixel_are_the_same_too() {
        let ramp =
            Tensor::linspace(-1.0, 1.0, 24 * 40, (Kind::Float, Device::Cpu)).view([1, 24, 40]);
        let none = Tensor::full([1, 24, 40], -3.0, (Kind::Float, Device::Cpu));
        let all = Tensor::full([1, 24, 40], 3.0, (Kind::Float, Device::Cpu));
        let dot = none.copy();
        let mut cell = dot.select(1, 5).select(1, 7);
        let _filled = cell.fill_(40.0);
        let logits = Tensor::cat(&[ramp, none, all, dot], 0);
        check(&logits, [96, 160], [96, 160]);
        check(&logits, [90, 150], [360, 640]);
    }

    #[test]
    fn no_instance_gives_no_mask() {
        let none = Tensor::zeros([0, 8, 8], (Kind::Float, Device::Cpu));
        let geometry = FrameGeometry {
            input: ImageSize { height: 32, width: 32 },
            output: ImageSize { height: 5, width: 5 },
            enlargement: Enlargement::ByInput,
        };
        assert_eq!(FrameLogits::new(&none).encode(geometry), []);
    }
}
