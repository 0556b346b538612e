//! The inputs of tiles: their positions, and their transform into the buffer of a block.

use super::transforms::{POSITIONS, SIDE, transform_input};
use super::{CHANNELS, WinogradInputs};
use crate::aligned::Aligned;
use crate::blocks::divide;
use crate::element::Element;
use crate::instruction_set::InstructionSet;
use crate::products::Factor;

/// Bytes per cache line.
const LINE: usize = 64;

/// One matrix per position.
pub(super) struct Planes<T> {
    pub(super) elements: Aligned<T>,
    /// Distance between matrices: a cache line more than a matrix, because the same offset of all sixteen is used
    /// together, and distances of a power of two would map them to the same few cache lines.
    pub(super) stride: usize,
}

impl<T: Element> Planes<T> {
    pub(super) fn new(length: usize) -> Self {
        let stride = length + LINE / size_of::<T>();
        Self { elements: Aligned::new(POSITIONS * stride), stride }
    }
}

/// The position of a tile: its first output.
#[derive(Clone, Copy)]
pub(super) struct Corner {
    pub(super) frame: usize,
    pub(super) row: usize,
    pub(super) column: usize,
}

impl<'a, T: Factor> WinogradInputs<'a, T> {
    /// The rows of four pixels that a tile reads, one cell more on each side than its outputs: on the map, or copied to
    /// `border` with zeros for cells outside.
    #[inline(always)]
    pub(super) fn rows<'b>(&self, corner: Corner, border: &'b mut [T]) -> [&'b [T]; SIDE]
    where
        'a: 'b,
    {
        let &WinogradInputs { weights, map, height, width, .. } = self;
        let length = SIDE * weights.inputs;
        let Corner { frame, row: top, column: left } = corner;
        let inside = top >= 1 && left >= 1 && top + 2 < height && left + 2 < width;
        if inside {
            let mut rows = [&map[..0]; SIDE];
            for (down, row) in rows.iter_mut().enumerate() {
                let pixel = (frame * height + top + down - 1) * width + left - 1;
                *row = &map[pixel * weights.inputs..][..length];
            }
            return rows;
        }
        border.fill(T::from_f32(0.0));
        // Counted from one cell above and left of the map, where the tile begins.
        let columns = left.max(1)..(left + SIDE).min(width + 1);
        for row in top.max(1)..(top + SIDE).min(height + 1) {
            let pixel = (frame * height + row - 1) * width + columns.start - 1;
            let from = &map[pixel * weights.inputs..][..columns.len() * weights.inputs];
            let to = (row - top) * length + (columns.start - left) * weights.inputs;
            border[to..][..from.len()].copy_from_slice(from);
        }
        let mut rows = [&border[..0]; SIDE];
        for (row, pixels) in rows.iter_mut().zip(border.chunks_exact(length)) {
            *row = pixels;
        }
        rows
    }
}

/// Transforms the input of a tile, `inputs` channels of each pixel, to `first` in each plane.
#[inline(always)]
pub(super) fn transform_tile<T: Factor>(
    rows: &[&[T]; SIDE],
    inputs: usize,
    planes: &mut Planes<T>,
    first: usize,
    set: InstructionSet,
) {
    for channel in (0..inputs).step_by(CHANNELS) {
        let mut pixels = [[T::from_f32(0.0); CHANNELS]; POSITIONS];
        let count = CHANNELS.min(inputs - channel);
        for (position, pixel) in pixels.iter_mut().enumerate() {
            let (row, column) = divide(position, SIDE);
            let from = &rows[row][column * inputs + channel..];
            match from.first_chunk().filter(|_| count == CHANNELS) {
                Some(all) => *pixel = *all,
                None => pixel[..count].copy_from_slice(&from[..count]),
            }
        }
        let mut transformed = [[0.0; CHANNELS]; POSITIONS];
        transform_input(&pixels, &mut transformed);
        for (position, row) in transformed.iter().enumerate() {
            let start = position * planes.stride + first + channel;
            T::round(set, row, &mut planes.elements[start..][..CHANNELS]);
        }
    }
}
