//! A 3×3 convolution by Winograd's minimal filtering, F(2×2, 3×3): 16 multiplications for 4 outputs instead of 36.
//!
//! Lavin & Gray (arXiv:1509.09308), section 4.1. The map is divided into tiles of 2×2 outputs, each of which reads 4×4
//! inputs. A block of tiles is transformed into a thread's buffer, where each of the 16 positions of a tile is a row of
//! a separate product. The sums of a panel of outputs are transformed back while they are in the cache.
//!
//! A layer in `bf16` takes 1.7 to 2.0 times as long without it, and a whole video 5 % longer (two cores, AMD Zen 5).

use crate::blocks::{Block, Failure, NoProduct, divide};
use crate::disjoint_rows::DisjointRows;
use crate::instruction_set::{Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::packed::{Left, Packed};
use crate::panel::PANEL;
use crate::products::Factor;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Bf16Tiles, PlanesAt};
use crate::threads::work_stealing_for;

mod input;
mod transforms;

use self::input::{Corner, Planes, transform_tile};
use self::transforms::{
    ONCE_IN_EACH, OUTPUTS, POSITIONS, STEP, transform_kernel, transform_output,
};

/// Channels that are transformed together; channels are padded to a multiple of it with zeros.
const CHANNELS: usize = 32;
/// Maximum number of tiles per block. All weights are read once per block, which favours many tiles; buffers of many
/// tiles do not fit into the cache. Between 64 and 128 the time hardly changes.
const MOST_TILES: usize = 96;

/// The transformed kernels of a convolution.
#[derive(Debug)]
pub struct Weights<T> {
    /// One matrix per position.
    positions: Vec<Packed<T>>,
    inputs: usize,
}

impl<T: Factor> Weights<T> {
    /// Transforms `weight`, `[outputs, inputs, 3, 3]`; `bias` is `[outputs]`, and neither is empty.
    pub fn new(weight: &[f32], bias: &[f32]) -> Self {
        let kernels = weight.as_chunks::<9>().0;
        let inputs = kernels.len() / bias.len();
        let depth = inputs.next_multiple_of(CHANNELS);
        let mut matrices = vec![vec![0.0; bias.len() * depth]; POSITIONS];
        for (index, kernel) in kernels.iter().enumerate() {
            let (output, input) = divide(index, inputs);
            for (matrix, value) in matrices.iter_mut().zip(transform_kernel(kernel)) {
                matrix[output * depth + input] = value;
            }
        }
        let nothing = vec![0.0; bias.len()];
        let mut positions = Vec::with_capacity(POSITIONS);
        for (position, matrix) in matrices.iter().enumerate() {
            let bias = if position == ONCE_IN_EACH { bias } else { &nothing };
            positions.push(Packed::new(matrix, bias));
        }
        Self { positions, inputs }
    }

    /// Channels of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Channels of the output.
    pub fn outputs(&self) -> usize {
        self.positions[0].outputs()
    }

    /// Input channels including padding.
    fn depth(&self) -> usize {
        self.positions[0].inputs()
    }
}

/// The inputs of the convolution.
#[derive(Debug, Clone, Copy)]
pub struct WinogradInputs<'a, T> {
    /// The kernels.
    pub weights: &'a Weights<T>,
    /// `[N, H, W, inputs]`
    pub map: &'a [T],
    /// `H`
    pub height: usize,
    /// `W`
    pub width: usize,
    /// Whether to apply ReLU.
    pub relu: bool,
    /// SIMD transforms, if the machine and the number format support them.
    #[cfg(target_arch = "x86_64")]
    pub native: Option<Bf16Tiles>,
}

impl<T> WinogradInputs<'_, T> {
    /// Rows and columns of tiles on a map.
    fn tiles(&self) -> (usize, usize) {
        (self.height.div_ceil(STEP), self.width.div_ceil(STEP))
    }
}

/// Writes the outputs, `[N, H, W, outputs]`; sizes must not be zero.
///
/// # Errors
///
/// If this machine has no kernel for the products.
pub fn convolve<T: Factor>(
    inputs: &WinogradInputs<'_, T>,
    out: &mut [T],
    machine: &Machine<'_>,
) -> Result<(), NoProduct> {
    let set = machine.set;
    let out = &DisjointRows::new(out);
    let frames = inputs.map.len() / (inputs.height * inputs.width * inputs.weights.inputs);
    let (rows, columns) = inputs.tiles();
    let tiles = frames * rows * columns;
    let block = tiles_of_block(tiles, machine.threads.num_threads());
    let failed = &Failure::default();
    work_stealing_for(machine.threads, tiles.div_ceil(block), &|indices| {
        let mut scratch = Scratch::new(inputs.weights, block);
        for index in indices {
            let first = index * block;
            let block = Block { first, rows: block.min(tiles - first), height: block };
            let scratch = &mut scratch;
            run_vectorized(set, Tiles { inputs, out, block, scratch, failed, machine });
        }
        T::end_products(machine.products);
    });
    if failed.is_set() { Err(NoProduct) } else { Ok(()) }
}

/// Tiles per block, such that threads get about equally many.
fn tiles_of_block(tiles: usize, threads: usize) -> usize {
    tiles.div_ceil(tiles.div_ceil(MOST_TILES).next_multiple_of(threads))
}

/// The buffers of a thread.
struct Scratch<T> {
    /// Transformed inputs, `[POSITIONS, tiles, depth]`.
    inputs: Planes<T>,
    /// Products, `[POSITIONS, tiles, PANEL]`.
    sums: Planes<f32>,
    /// The inputs of a tile that extends beyond the map, `[SIDE, SIDE, inputs]`.
    border: Vec<T>,
}

impl<T: Factor> Scratch<T> {
    fn new(weights: &Weights<T>, tiles: usize) -> Self {
        Self {
            inputs: Planes::new(tiles * weights.depth()),
            sums: Planes::new(tiles * PANEL),
            border: vec![T::from_f32(0.0); POSITIONS * weights.inputs],
        }
    }
}

/// A block of tiles in progress.
struct Tiles<'a, T> {
    inputs: &'a WinogradInputs<'a, T>,
    out: &'a DisjointRows<'a, T>,
    block: Block,
    scratch: &'a mut Scratch<T>,
    failed: &'a Failure,
    machine: &'a Machine<'a>,
}

impl<T: Factor> Vectorized for Tiles<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(mut self) {
        self.transform();
        for panel in 0..self.inputs.weights.positions[0].num_panels() {
            if self.multiply(panel).is_err() {
                return self.failed.set();
            }
        }
    }
}

impl<T: Factor> Tiles<'_, T> {
    #[inline(always)]
    fn corner(&self, tile: usize) -> Corner {
        let (rows, columns) = self.inputs.tiles();
        let (row, column) = divide(self.block.first + tile, columns);
        let (frame, row) = divide(row, rows);
        Corner { frame, row: STEP * row, column: STEP * column }
    }

    /// Transforms the inputs of all tiles of the block.
    #[inline(always)]
    fn transform(&mut self) {
        let weights = self.inputs.weights;
        let depth = weights.depth();
        for tile in 0..self.block.rows {
            let corner = self.corner(tile);
            let Scratch { inputs: planes, border, .. } = &mut *self.scratch;
            let rows = self.inputs.rows(corner, border);
            #[cfg(target_arch = "x86_64")]
            if let Some(tiles) = self.inputs.native.filter(|_| weights.inputs == depth) {
                let Planes { elements, stride } = planes;
                let to = &mut PlanesAt {
                    elements: &mut **elements,
                    stride: *stride,
                    first: tile * depth,
                };
                tiles.transform_input(&rows, depth, to);
                continue;
            }
            transform_tile(&rows, weights.inputs, planes, tile * depth, self.machine.set);
        }
    }

    /// Multiplies by a panel of outputs, and writes them.
    #[inline(always)]
    fn multiply(&mut self, panel: usize) -> Result<(), NoProduct> {
        let Scratch { inputs, sums, .. } = &mut *self.scratch;
        let weights = self.inputs.weights;
        for (position, matrix) in weights.positions.iter().enumerate() {
            let rows = &inputs.elements[position * inputs.stride..];
            let left =
                Left { rows, stride: weights.depth(), block: self.block, machine: self.machine };
            matrix.sum(panel, &left, false, &mut sums.elements[position * sums.stride..])?;
        }
        let mut outputs = [[T::from_f32(0.0); PANEL]; OUTPUTS];
        let is_whole = weights.outputs() >= (panel + 1) * PANEL;
        for tile in 0..self.block.rows {
            self.outputs(tile, &mut outputs);
            if is_whole {
                self.write::<true>(tile, panel, &outputs);
            } else {
                self.write::<false>(tile, panel, &outputs);
            }
        }
        Ok(())
    }

    /// Transforms the sums of a tile.
    #[inline(always)]
    fn outputs(&self, tile: usize, outputs: &mut [[T; PANEL]; OUTPUTS]) {
        let Planes { elements: sums, stride } = &self.scratch.sums;
        #[cfg(target_arch = "x86_64")]
        if let Some(tiles) = self.inputs.native {
            let from = PlanesAt { elements: &**sums, stride: *stride, first: tile * PANEL };
            return tiles.transform_output(&from, self.inputs.relu, outputs);
        }
        let mut parts = [part(sums, 0); POSITIONS];
        for (position, sums_there) in parts.iter_mut().enumerate() {
            *sums_there = part(sums, position * stride + tile * PANEL);
        }
        let mut values = [[0.0; PANEL]; OUTPUTS];
        transform_output(&parts, self.inputs.relu, &mut values);
        for (values, outputs) in values.iter().zip(outputs) {
            T::round(self.machine.set, values, outputs);
        }
    }

    /// Writes the outputs of a tile that lie on the map; `WHOLE` says that the panel is full.
    #[inline(always)]
    fn write<const WHOLE: bool>(&self, tile: usize, panel: usize, outputs: &[[T; PANEL]; OUTPUTS]) {
        let &WinogradInputs { weights, height, width, .. } = self.inputs;
        let corner = self.corner(tile);
        for (index, outputs) in outputs.iter().enumerate() {
            let (down, right) = divide(index, STEP);
            let (row, column) = (corner.row + down, corner.column + right);
            if row >= height || column >= width {
                continue;
            }
            let pixel = (corner.frame * height + row) * width + column;
            let first = pixel * weights.outputs() + panel * PANEL;
            // A copy of constant length compiles to no call.
            let count = if WHOLE { PANEL } else { weights.outputs() - panel * PANEL };
            // SAFETY: a tile, with the pixels that are its own, goes to one thread.
            unsafe { self.out.write(first, &outputs[..count]) };
        }
    }
}

/// The elements starting at `first`.
#[inline(always)]
fn part<T, const W: usize>(row: &[T], first: usize) -> &[T; W] {
    row[first..].first_chunk().expect("the row goes on that far")
}

#[cfg(test)]
mod tests;
