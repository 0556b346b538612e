//! Weight matrices laid out for block products, and what follows the products.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};

use super::Element;
use crate::ffi::{
    BlockShape, Factor, block_product, end_block_products, num_threads, parallel_for, sum16,
};

/// Most rows of a block: enough to use each weight often, few enough for all of a block to stay in cache.
pub(crate) const ROWS: usize = 64;
/// Outputs of a panel.
pub(crate) const PANEL: usize = 64;

/// A product that no kernel of this machine computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoProduct;

/// Numbers that begin at a line of the cache.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    elements: Vec<T>,
    start: usize,
    length: usize,
}

impl<T: Element> Aligned<T> {
    /// `length` zeros.
    pub(crate) fn new(length: usize) -> Self {
        const LINE: usize = 64;
        let elements = vec![T::from_f32(0.0); length + LINE / size_of::<T>()];
        let start = elements.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
        Self { elements, start, length }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.elements[self.start..][..self.length]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.elements[self.start..][..self.length]
    }
}

/// A weight matrix `[outputs, inputs]` in panels of some outputs, the last one filled up with zeros.
#[derive(Debug)]
pub(crate) struct Packed<T> {
    /// `[panels, inputs, PANEL]`, with pairs of inputs interleaved where the numbers need it.
    panels: Aligned<T>,
    /// `[panels * PANEL]`
    bias: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl<T: Factor> Packed<T> {
    /// Packs `weight`, `[outputs, inputs]`, and `bias`, `[outputs]`; `inputs` is even.
    pub(crate) fn new(weight: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        let inputs = weight.len() / outputs.max(1);
        let num_panels = outputs.div_ceil(PANEL);
        let mut panels = Aligned::<T>::new(num_panels * inputs * PANEL);
        for (output, row) in weight.chunks_exact(inputs.max(1)).enumerate() {
            let panel = &mut panels[output / PANEL * inputs * PANEL..][..inputs * PANEL];
            for (input, &value) in row.iter().enumerate() {
                let (group, lane) = (input / T::INTERLEAVED, input % T::INTERLEAVED);
                let column = group * PANEL + output % PANEL;
                panel[column * T::INTERLEAVED + lane] = T::from_f32(value);
            }
        }
        let mut padded = bias.to_vec();
        padded.resize(num_panels * PANEL, 0.0);
        Self { panels, bias: padded, inputs, outputs }
    }

    pub(crate) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// How many panels there are.
    pub(super) fn num_panels(&self) -> usize {
        self.bias.len() / PANEL
    }

    /// Whether this machine has a kernel for the product.
    pub(crate) fn can_multiply(&self) -> bool {
        let rows = vec![T::from_f32(0.0); ROWS * self.inputs];
        self.multiply(0, ROWS, &rows, &mut [0.0; ROWS * PANEL]).is_ok()
    }

    /// Multiplies a block of `height` rows by panel `number`: `sums` becomes `[height, PANEL]`, to which the bias
    /// that is returned has still to be added.
    #[inline(always)]
    pub(super) fn multiply(
        &self,
        number: usize,
        height: usize,
        rows: &[T],
        sums: &mut [f32],
    ) -> Result<&[f32; PANEL], NoProduct> {
        let shape = BlockShape {
            rows: height,
            columns: PANEL,
            depth: self.inputs,
            a_stride: self.inputs,
            b_stride: PANEL,
            c_stride: PANEL,
        };
        let panel = &self.panels[number * self.inputs * PANEL..][..self.inputs * PANEL];
        if block_product(&shape, rows, panel, sums) {
            Ok(self.bias(number))
        } else {
            Err(NoProduct)
        }
    }

    /// The bias of panel `number`.
    #[inline(always)]
    pub(super) fn bias(&self, number: usize) -> &[f32; PANEL] {
        &self.bias.as_chunks::<PANEL>().0[number]
    }
}

/// Layer normalisation.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) eps: f32,
}

impl Norm {
    /// Normalises a row in place.
    #[inline(always)]
    pub(super) fn apply(&self, row: &mut [f32]) {
        let count = row.len() as f32;
        let mean = sum(row, |x| x) / count;
        let variance = sum(row, |x| (x - mean) * (x - mean)) / count;
        let scale = 1.0 / (variance + self.eps).sqrt();
        for ((x, weight), bias) in row.iter_mut().zip(&self.weight).zip(&self.bias) {
            *x = (*x - mean) * scale * weight + bias;
        }
    }
}

/// `Σ of(x)` in interleaved sums.
#[inline(always)]
fn sum(row: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let (chunks, rest) = row.as_chunks::<{ 2 * LANES }>();
    let (mut even, mut odd) = ([0.0_f32; LANES], [0.0_f32; LANES]);
    for chunk in chunks {
        for k in 0..LANES {
            even[k] += of(chunk[k]);
            odd[k] += of(chunk[k + LANES]);
        }
    }
    for k in 0..LANES {
        even[k] += odd[k];
    }
    let mut total = sum16(&even);
    for x in rest {
        total += of(*x);
    }
    total
}

/// Rows that follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) first: usize,
    pub(super) rows: usize,
    /// Rows that the products take, the same in all blocks of a call; those beyond `rows` hold anything.
    pub(super) height: usize,
}

/// Whether a product has failed on any thread.
#[derive(Debug, Default)]
pub(super) struct Failure(AtomicBool);

impl Failure {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is done with one part of a block, in a thread's buffers.
type InBlock<'a, S> = &'a (dyn Fn(Block, usize, &mut S, &Failure) + Sync);

/// Rows of a block when there are `rows` in all.
///
/// Few rows are shared out evenly among threads. Many go in full blocks, so that products come in few sizes, each
/// of which is compiled when it is first met.
fn height_for(rows: usize) -> usize {
    const FEW: usize = 8;
    let (blocks, threads) = (rows.div_ceil(ROWS), num_threads());
    if blocks > FEW * threads {
        return ROWS;
    }
    rows.div_ceil(blocks.next_multiple_of(threads).max(1)).max(1)
}

/// Runs `work` for `parts` parts of every block of `rows` rows, on libtorch's threads.
pub(super) fn in_blocks<T: Factor, S>(
    rows: usize,
    parts: usize,
    new: &(dyn Fn() -> S + Sync),
    work: InBlock<'_, S>,
) -> Result<(), NoProduct> {
    let failed = Failure::default();
    let height = height_for(rows);
    parallel_for(rows.div_ceil(height) * parts, 1, &|units| {
        let mut scratch = new();
        for unit in units {
            let (number, part) = divide(unit, parts);
            let first = number * height;
            let block = Block { first, rows: height.min(rows - first), height };
            work(block, part, &mut scratch, &failed);
        }
        end_block_products::<T>();
    });
    if failed.is_set() { Err(NoProduct) } else { Ok(()) }
}

/// Quotient and rest.
#[inline(always)]
pub(super) fn divide(number: usize, by: usize) -> (usize, usize) {
    (number / by, number % by)
}
