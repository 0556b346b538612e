//! A linear layer on rows, with an epilogue.

use crate::aligned::Aligned;
use crate::blocks::{Block, Failure, NoProduct, ROWS, in_blocks};
use crate::disjoint_rows::DisjointRows;
use crate::instruction_set::{Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::packed::{Left, Packed};
use crate::panel::PANEL;
use crate::products::Factor;

/// The inputs of the layer.
#[derive(Debug, Clone, Copy)]
pub struct LinearInputs<'a, T> {
    /// `[outputs, inputs]`
    pub weights: &'a Packed<T>,
    /// `[rows, inputs]`
    pub rows: &'a [f32],
    /// Whether to apply ReLU.
    pub relu: bool,
    /// The residual, added last, `[rows, outputs]`; may be empty.
    pub residual: &'a [f32],
}

/// Writes the output rows, `[rows, outputs]`.
///
/// # Errors
///
/// If this machine has no kernel for the products.
pub fn linear<T: Factor>(
    inputs: &LinearInputs<'_, T>,
    out: &mut [f32],
    machine: &Machine<'_>,
) -> Result<(), NoProduct> {
    let set = machine.set;
    let out = &DisjointRows::new(out);
    let rows = inputs.rows.len() / inputs.weights.inputs();
    let new = || Scratch::new(inputs.weights);
    in_blocks::<T, _>(
        machine,
        rows,
        inputs.weights.num_panels(),
        &new,
        &|block, panel, scratch, failed| {
            run_vectorized(set, Linear { inputs, out, block, panel, scratch, failed, machine });
        },
    )
}

/// The buffers of a thread.
struct Scratch<T> {
    rows: Aligned<T>,
    /// The block whose rows are in `rows`.
    held: Option<usize>,
    sums: Aligned<f32>,
}

impl<T: Factor> Scratch<T> {
    fn new(weights: &Packed<T>) -> Self {
        Self {
            rows: Aligned::new(ROWS * weights.inputs()),
            held: None,
            sums: Aligned::new(ROWS * PANEL),
        }
    }
}

struct Linear<'a, T> {
    inputs: &'a LinearInputs<'a, T>,
    out: &'a DisjointRows<'a, f32>,
    block: Block,
    panel: usize,
    scratch: &'a mut Scratch<T>,
    failed: &'a Failure,
    machine: &'a Machine<'a>,
}

impl<T: Factor> Vectorized for Linear<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let failed = self.failed;
        if write(self).is_err() {
            failed.set();
        }
    }
}

#[inline(always)]
fn write<T: Factor>(work: Linear<'_, T>) -> Result<(), NoProduct> {
    let Linear { inputs, out, block, panel, scratch, machine, .. } = work;
    let set = machine.set;
    let weights = inputs.weights;
    let (width, outputs) = (weights.inputs(), weights.outputs());
    if scratch.held != Some(block.first) {
        let rows = &inputs.rows[block.first * width..][..block.rows * width];
        T::round(set, rows, &mut scratch.rows[..rows.len()]);
        scratch.held = Some(block.first);
    }
    let left = Left { rows: &scratch.rows, stride: width, block, machine };
    weights.sum(panel, &left, inputs.relu, &mut scratch.sums)?;
    let columns = weights.columns(panel);
    let sums = scratch.sums.as_chunks_mut::<PANEL>().0;
    for (row, sums) in sums[..block.rows].iter_mut().enumerate() {
        let first = (block.first + row) * outputs + columns.start;
        if !inputs.residual.is_empty() {
            let residual = &inputs.residual[first..][..columns.len()];
            for (sum, residual) in sums.iter_mut().zip(residual) {
                *sum += residual;
            }
        }
        // SAFETY: a block and a panel, with the rows and columns that are theirs, go to one thread.
        unsafe { out.write(first, &sums[..columns.len()]) };
    }
    Ok(())
}
