//! Masks enlarged from the network's cells to the video's resolution in one step, row by row.
//!
//! The pixels are those of [`seqformer::inference::final_masks_in_one_step`].

use seqformer::inference::cells_of_side;
use seqformer_masks::{BitMask, ImageSize, Rle};

use super::geometry::FrameGeometry;

/// The positions of a video's pixels between the cells of the logits.
#[derive(Debug)]
pub(super) struct OneStep {
    output: ImageSize,
    /// Cells of a row of the logits, including the padding.
    map_width: usize,
    rows: Vec<Place>,
    columns: Vec<Place>,
}

/// A pixel between two cells.
#[derive(Debug, Clone, Copy)]
struct Place {
    before: usize,
    behind: usize,
    /// Weight of the cell behind.
    weight: f32,
}

impl OneStep {
    /// Prepares for logits of `height` × `width` cells.
    pub(super) fn new([height, width]: [usize; 2], frame: FrameGeometry) -> Self {
        let FrameGeometry { input, output, .. } = frame;
        let covered = |pixels: u32, cells: usize| {
            usize::try_from(cells_of_side(i64::from(pixels))).unwrap_or(cells).min(cells)
        };
        Self {
            output,
            map_width: width,
            rows: places(covered(input.height, height), output.height),
            columns: places(covered(input.width, width), output.width),
        }
    }

    /// The mask of one instance.
    pub(super) fn encode(&self, logits: &[f32]) -> Rle {
        let width = self.columns.len();
        let mut pixels = vec![0_u8; self.rows.len() * width];
        let mut before = WideRow::default();
        let mut behind = WideRow::default();
        for (row, out) in self.rows.iter().zip(pixels.chunks_exact_mut(width.max(1))) {
            if behind.cell == Some(row.before) {
                std::mem::swap(&mut before, &mut behind);
            }
            before.fill(row.before, self, logits);
            behind.fill(row.behind, self, logits);
            for ((pixel, above), below) in out.iter_mut().zip(&before.values).zip(&behind.values) {
                *pixel = u8::from(above * (1.0 - row.weight) + below * row.weight > 0.0);
            }
        }
        Rle::encode(&BitMask::from_bytes(self.output, pixels).expect("there is one byte per pixel"))
    }
}

/// A row of cells, interpolated to the width of the video.
#[derive(Default)]
struct WideRow {
    cell: Option<usize>,
    values: Vec<f32>,
}

impl WideRow {
    fn fill(&mut self, cell: usize, step: &OneStep, logits: &[f32]) {
        if self.cell.replace(cell) == Some(cell) {
            return;
        }
        let row = &logits[cell * step.map_width..][..step.map_width];
        self.values.clear();
        self.values.extend(step.columns.iter().map(|place| {
            row[place.before] * (1.0 - place.weight) + row[place.behind] * place.weight
        }));
    }
}

/// The positions that libtorch uses, in single precision; they are clamped to the centres of the outer cells.
fn places(cells: usize, pixels: u32) -> Vec<Place> {
    let scale = cells as f32 / pixels as f32;
    let last = cells.saturating_sub(1);
    let place = |pixel: u32| {
        let at = (scale * (pixel as f32 + 0.5) - 0.5).max(0.0);
        let before = (at as usize).min(last);
        Place {
            before,
            behind: (before + 1).min(last),
            weight: (at - before as f32).clamp(0.0, 1.0),
        }
    };
    (0..pixels).map(place).collect()
}
