//! 3×3 max pooling with a stride of 2.

use crate::bf16::Bf16;
use crate::blocks::divide;
use crate::element::Element as _;
use crate::instruction_set::{Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::threads::parallel_rows;

/// Channels that are processed together: two AVX-512 registers.
const CHANNELS: usize = 64;

/// The input.
#[derive(Debug, Clone, Copy)]
pub struct Map<'a> {
    /// `[N, H, W, C]`, none negative; NaN may have any sign.
    pub cells: &'a [Bf16],
    /// `H`
    pub height: usize,
    /// `W`
    pub width: usize,
    /// `C`
    pub channels: usize,
}

/// Output size for an input of `length` cells.
pub fn pooled(length: usize) -> usize {
    length.div_ceil(2)
}

/// Writes `[N, H / 2, W / 2, C]`, halves rounded up; cells outside the map are ignored.
pub fn max_pool(map: &Map<'_>, out: &mut [Bf16], machine: &Machine<'_>) {
    let set = machine.set;
    let (rows, columns) = (pooled(map.height), pooled(map.width));
    parallel_rows(machine.threads, out, columns * map.channels, &|| (), &|number, out, ()| {
        let (item, row) = divide(number, rows);
        run_vectorized(set, Row { map, item, number: row, out });
    });
}

/// An output row.
struct Row<'a> {
    map: &'a Map<'a>,
    item: usize,
    /// Index of the output row.
    number: usize,
    out: &'a mut [Bf16],
}

impl Vectorized for Row<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { map, item, number, out } = self;
        let &Map { cells, height, width, channels } = map;
        let rows = (2 * number).saturating_sub(1)..height.min(2 * number + 2);
        for (column, out) in out.chunks_exact_mut(channels).enumerate() {
            let columns = (2 * column).saturating_sub(1)..width.min(2 * column + 2);
            out.fill(Bf16::from_f32(0.0));
            for row in rows.clone() {
                for column in columns.clone() {
                    let cell = ((item * height + row) * width + column) * channels;
                    raise(out, &cells[cell..][..channels]);
                }
            }
        }
    }
}

/// Computes the maximum with `cell`; no number is negative, so magnitudes decide.
#[inline(always)]
fn raise(out: &mut [Bf16], cell: &[Bf16]) {
    let (chunks, rest) = out.as_chunks_mut::<CHANNELS>();
    let (cells, cell_rest) = cell.as_chunks::<CHANNELS>();
    for (out, cell) in chunks.iter_mut().zip(cells) {
        for k in 0..CHANNELS {
            out[k] = out[k].greater_magnitude(cell[k]);
        }
    }
    for (out, cell) in rest.iter_mut().zip(cell_rest) {
        *out = out.greater_magnitude(*cell);
    }
}
