//! A 1×1 convolution as products, a block of outputs at a time, with an epilogue.

use crate::aligned::Aligned;
use crate::blocks::{Block, Failure, NoProduct, ROWS, divide, height_for};
use crate::instruction_set::{Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::packed::{Left, Packed};
use crate::panel::{PANEL, PanelOut, PanelSums};
use crate::products::Factor;
use crate::threads::parallel_rows;

/// The kernel of a convolution.
#[derive(Debug)]
pub struct Weights<T> {
    /// `[outputs, inputs]`
    pub matrix: Packed<T>,
    /// Stride in both directions.
    pub stride: usize,
}

/// The inputs of the convolution.
#[derive(Debug, Clone, Copy)]
pub struct PointwiseInputs<'a, T> {
    /// The kernel.
    pub weights: &'a Weights<T>,
    /// `[N, H, W, inputs]`
    pub map: &'a [T],
    /// `H`
    pub height: usize,
    /// `W`
    pub width: usize,
    /// Whether to add the content of the outputs.
    pub add: bool,
    /// Whether to apply ReLU.
    pub relu: bool,
}

/// Writes the outputs, `[N, H', W', outputs]`; sizes must not be zero.
///
/// # Errors
///
/// If this machine has no kernel for the products.
pub fn convolve<T: Factor>(
    inputs: &PointwiseInputs<'_, T>,
    out: &mut [T],
    machine: &Machine<'_>,
) -> Result<(), NoProduct> {
    let set = machine.set;
    let failed = &Failure::default();
    let outputs = inputs.weights.matrix.outputs();
    let height = height_for(machine.threads, out.len() / outputs);
    let new = || Scratch::new(inputs.weights);
    parallel_rows(machine.threads, out, height * outputs, &new, &|number, out, scratch| {
        let rows = out.len() / outputs;
        let block = Block { first: number * height, rows, height: rows };
        run_vectorized(set, Pixels { inputs, block, out, scratch, failed, machine });
    });
    if failed.is_set() { Err(NoProduct) } else { Ok(()) }
}

/// The buffers of a thread.
struct Scratch<T> {
    /// The pixels under the outputs of a block, if these are not consecutive on the map.
    pixels: Aligned<T>,
    /// Sums of a partial panel.
    sums: Aligned<f32>,
}

impl<T: Factor> Scratch<T> {
    fn new(weights: &Weights<T>) -> Self {
        let rows = if weights.stride > 1 { ROWS } else { 0 };
        Self {
            pixels: Aligned::new(rows * weights.matrix.inputs()),
            sums: Aligned::new(ROWS * PANEL),
        }
    }
}

/// A block of outputs in progress.
struct Pixels<'a, 'b, T> {
    inputs: &'a PointwiseInputs<'a, T>,
    block: Block,
    /// `[rows, outputs]`
    out: &'b mut [T],
    scratch: &'b mut Scratch<T>,
    failed: &'a Failure,
    machine: &'a Machine<'a>,
}

impl<T: Factor> Vectorized for Pixels<'_, '_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { inputs, block, out, scratch, failed, machine } = self;
        let depth = inputs.weights.matrix.inputs();
        let rows = if inputs.weights.stride > 1 {
            gather(inputs, block, &mut scratch.pixels);
            &scratch.pixels
        } else {
            &inputs.map[block.first * depth..]
        };
        let left = Left { rows, stride: depth, block, machine };
        for panel in 0..inputs.weights.matrix.num_panels() {
            if multiply(inputs, panel, &left, &mut scratch.sums, out).is_err() {
                return failed.set();
            }
        }
    }
}

/// Gathers the pixels under the outputs of a block.
#[inline(always)]
fn gather<T: Factor>(inputs: &PointwiseInputs<'_, T>, block: Block, pixels: &mut [T]) {
    let &PointwiseInputs { weights: Weights { matrix, stride }, map, height, width, .. } = inputs;
    let (rows, columns) = (height.div_ceil(*stride), width.div_ceil(*stride));
    for (row, pixel) in pixels.chunks_exact_mut(matrix.inputs()).enumerate().take(block.rows) {
        let (line, x) = divide(block.first + row, columns);
        let (frame, y) = divide(line, rows);
        let from = (frame * height + y * stride) * width + x * stride;
        pixel.copy_from_slice(&map[from * matrix.inputs()..][..matrix.inputs()]);
    }
}

/// Computes a panel of outputs.
#[inline(always)]
fn multiply<T: Factor>(
    inputs: &PointwiseInputs<'_, T>,
    panel: usize,
    left: &Left<'_, T>,
    sums: &mut [f32],
    out: &mut [T],
) -> Result<(), NoProduct> {
    let &PointwiseInputs { weights: Weights { matrix, .. }, add, relu, .. } = inputs;
    let (columns, outputs) = (matrix.columns(panel), matrix.outputs());
    let to = PanelOut::Rounded(&mut out[columns.start..]);
    let all = 0..matrix.inputs();
    let own = PanelSums { out: to, stride: outputs, add, relu };
    if matrix.multiply_ourselves(panel, all, left, own) {
        return Ok(());
    }
    matrix.sum(panel, left, false, sums)?;
    let sums = sums.as_chunks_mut::<PANEL>().0;
    for (row, sums) in sums[..left.block.rows].iter_mut().enumerate() {
        let out = &mut out[row * outputs..][columns.clone()];
        if add {
            for (sum, held) in sums.iter_mut().zip(&*out) {
                *sum += held.to_f32();
            }
        }
        T::round_sums(left.machine.set, sums, &[0.0; PANEL], relu, out);
    }
    Ok(())
}
