//! One layer of a deformable encoder or decoder, from its sampling locations on, a block of queries at a time.
//!
//! The values of all tokens are given. A block passes through the whole layer: sampling locations, attention, output
//! projections, feed-forward network and both normalizations. All of it stays in the cache, and between products
//! everything is `f32`.

use std::ops::Range;

use crate::aligned::Aligned;
use crate::blocks::{Block, Failure, NoProduct, ROWS, divide, in_blocks};
use crate::disjoint_rows::DisjointRows;
use crate::instruction_set::{InstructionSet, Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::norm::Norm;
use crate::packed::{Left, Packed, Rows};
use crate::panel::PANEL;
use crate::prefetch::prefetch;
use crate::products::Factor;
use crate::row_sums::RowSums;
use crate::sampler::{HeadMap, Sampler};
use crate::samples::{AttentionWeights, Centres, Place, Samples};
use crate::shape::Shape;

/// Number of rows that are prefetched.
const AHEAD: usize = 4;
/// Panels of hidden channels that are computed and consumed together.
const HIDDEN_PANELS: usize = 4;

/// The weights of a layer.
#[derive(Debug)]
pub struct Weights<T> {
    /// Value projection of the tokens, `[C, C]`.
    pub value: Packed<T>,
    /// Projection to the offsets of all heads, levels and points, followed by the logits.
    pub points: Packed<T>,
    /// Output projection, added to the queries, `[C, C]`.
    pub output: Packed<T>,
    /// Second output projection, beside the residual stream.
    pub second_output: Option<Packed<T>>,
    /// After the attention.
    pub norm1: Norm,
    /// `[F, C]`
    pub linear1: Packed<T>,
    /// `[C, F]`
    pub linear2: Packed<T>,
    /// After the feed-forward network.
    pub norm2: Norm,
}

/// The inputs of a layer.
#[derive(Debug, Clone, Copy)]
pub struct DeformableLayerInputs<'a> {
    /// The sizes.
    pub shape: &'a Shape,
    /// `[N or 1, Q, C]`
    pub queries: &'a [f32],
    /// `[N or 1, Q, C]`
    pub positions: &'a [f32],
    /// The references of the sampling locations.
    pub references: References<'a>,
}

/// The references of the sampling locations.
#[derive(Debug, Clone, Copy)]
pub enum References<'a> {
    /// `[N or 1, Q, L, 2]`
    Points(&'a [f32]),
    /// `[N or 1, Q, L, 4]`
    Boxes(&'a [f32]),
}

impl<'a> References<'a> {
    #[inline(always)]
    fn samples(self, offsets: &'a [f32], weights: &'a [f32]) -> Samples<'a> {
        let weights = AttentionWeights::Normalized(weights);
        match self {
            Self::Points(references) => Samples::Offset { offsets, weights, references },
            Self::Boxes(references) => Samples::AroundBoxes { offsets, weights, references },
        }
    }
}

/// The outputs of a layer.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// The queries after the layer, `[N, Q, C]`.
    pub queries: &'a mut [f32],
    /// The result of the second output projection, `[N, Q, C]`; empty without one.
    pub second: &'a mut [f32],
}

/// The outputs as shared by all blocks; each writes its own queries.
struct OutputRows<'a> {
    queries: DisjointRows<'a, f32>,
    second: DisjointRows<'a, f32>,
}

/// Runs the layer; `values` is `[N, M, S, D]`.
///
/// # Errors
///
/// If this machine has no kernel for the products.
pub fn deformable_layer<T: Factor + RowSums>(
    weights: &Weights<T>,
    inputs: &DeformableLayerInputs<'_>,
    values: &[T],
    out: Outputs<'_>,
    machine: &Machine<'_>,
) -> Result<(), NoProduct> {
    let set = machine.set;
    let out = &OutputRows {
        queries: DisjointRows::new(out.queries),
        second: DisjointRows::new(out.second),
    };
    let centres = &inputs.references.samples(&[], &[]).centres(inputs.shape);
    let new = || Scratch::new(inputs.shape, set);
    let queries = inputs.shape.batch * inputs.shape.queries;
    in_blocks::<T, _>(machine, queries, 1, &new, &|block, _part, scratch, failed| {
        run_vectorized(
            set,
            Layer { weights, inputs, values, centres, out, block, scratch, failed, machine },
        );
    })
}

/// The buffers of a thread, for the rows of a block.
struct Scratch<T> {
    /// Left factor of the products with `C` input channels.
    rows: Aligned<T>,
    /// Left factor of the last product: some hidden channels.
    hidden: Aligned<T>,
    sums: Aligned<f32>,
    /// `[ROWS, M, L, P, 2]`
    offsets: Aligned<f32>,
    /// `[ROWS, M, L, P]`
    logits: Aligned<f32>,
    /// The residual stream, `[ROWS, C]`.
    stream: Aligned<f32>,
    sampler: Sampler,
}

impl<T: Factor> Scratch<T> {
    fn new(shape: &Shape, set: InstructionSet) -> Self {
        let (width, samples) = (shape.heads * shape.channels, shape.heads * shape.samples());
        Self {
            rows: Aligned::new(ROWS * width),
            hidden: Aligned::new(ROWS * HIDDEN_PANELS * PANEL),
            sums: Aligned::new(ROWS * PANEL),
            offsets: Aligned::new(ROWS * 2 * samples),
            logits: Aligned::new(ROWS * samples),
            stream: Aligned::new(ROWS * width),
            sampler: Sampler::new(shape, set),
        }
    }
}

struct Layer<'a, T> {
    weights: &'a Weights<T>,
    inputs: &'a DeformableLayerInputs<'a>,
    values: &'a [T],
    centres: &'a Centres,
    out: &'a OutputRows<'a>,
    block: Block,
    scratch: &'a mut Scratch<T>,
    failed: &'a Failure,
    machine: &'a Machine<'a>,
}

impl<T: Factor + RowSums> Vectorized for Layer<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(mut self) {
        if self.whole::<FMA>().is_err() {
            self.failed.set();
        }
    }
}

impl<T: Factor + RowSums> Layer<'_, T> {
    /// All steps. They are not closures, which might not be inlined and would then be baseline code.
    #[inline(always)]
    fn whole<const FMA: bool>(&mut self) -> Result<(), NoProduct> {
        self.points()?;
        self.read_and_finish::<FMA>()
    }

    /// Channels of a query.
    #[inline(always)]
    fn width(&self) -> usize {
        self.inputs.shape.heads * self.inputs.shape.channels
    }

    /// Row `row` of the block, from an input given for all items or for each.
    #[inline(always)]
    fn row<'a>(&self, of: &'a [f32], row: usize) -> &'a [f32] {
        let (width, per_item) = (self.width(), self.inputs.shape.queries);
        let number = self.block.first + row;
        let number = if of.len() > per_item * width { number } else { number % per_item };
        &of[number * width..][..width]
    }

    /// Predicts offsets and logits from the queries and their positions.
    #[inline(always)]
    fn points(&mut self) -> Result<(), NoProduct> {
        let (inputs, width, block) = (self.inputs, self.width(), self.block);
        for row in 0..block.rows {
            let rows = [self.row(inputs.queries, row), self.row(inputs.positions, row)];
            prefetch(inputs.queries, (block.first + row + AHEAD) * width, width);
            let scratch = &mut *self.scratch;
            let stream = &mut scratch.stream[row * width..][..width];
            let to = &mut scratch.rows[row * width..][..width];
            T::copy_and_round_sum(self.machine.set, rows, stream, to);
        }
        let Scratch { rows, sums, offsets, logits, .. } = &mut *self.scratch;
        let samples = inputs.shape.heads * inputs.shape.samples();
        let (weights, border) = (&self.weights.points, 2 * samples);
        let left = Left { rows, stride: width, block, machine: self.machine };
        for panel in 0..weights.num_panels() {
            let Range { start, end } = weights.columns(panel);
            if end <= border {
                let numbers = &mut offsets[start..];
                weights.write(panel, &left, sums, &mut Rows { numbers, stride: border })?;
            } else if start >= border {
                let numbers = &mut logits[start - border..];
                weights.write(panel, &left, sums, &mut Rows { numbers, stride: samples })?;
            } else {
                weights.sum(panel, &left, false, sums)?;
                for (row, sums) in sums.as_chunks::<PANEL>().0[..block.rows].iter().enumerate() {
                    let (left, right) = sums[..end - start].split_at(border - start);
                    offsets[row * border..][start..border].copy_from_slice(left);
                    logits[row * samples..][..end - border].copy_from_slice(right);
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn read_and_finish<const FMA: bool>(&mut self) -> Result<(), NoProduct> {
        match self.inputs.shape.channels {
            64 => self.read::<64, FMA>(),
            32 => self.read::<32, FMA>(),
            16 => self.read::<16, FMA>(),
            _ => self.read::<8, FMA>(),
        }
        self.add_output()?;
        self.feed_forward()
    }

    /// Sums the values at the sampling locations of every query, head by head, so that a head's map stays in the cache.
    #[inline(always)]
    fn read<const W: usize, const FMA: bool>(&mut self) {
        let (shape, width, block) = (self.inputs.shape, self.width(), self.block);
        let scratch = &mut *self.scratch;
        let logits = &mut scratch.logits[..block.rows * shape.heads * shape.samples()];
        scratch.sampler.normalise::<FMA>(logits, shape.samples());
        let samples = self.inputs.references.samples(&scratch.offsets, &scratch.logits);
        let maps = self.values.as_chunks::<W>().0;
        let per_clip = shape.heads * shape.tokens;
        for head in 0..shape.heads {
            let mut row = 0;
            while row < block.rows {
                // The queries of one clip.
                let (clip, query) = divide(block.first + row, shape.queries);
                let count = (block.rows - row).min(shape.queries - query);
                let rows = &maps[clip * per_clip + head * shape.tokens..][..shape.tokens];
                let map = HeadMap { shape, samples: &samples, centres: self.centres, rows };
                let places = (0..count).map(|number| Place {
                    clip,
                    query: query + number,
                    index: (row + number) * shape.heads + head,
                });
                let out = &mut scratch.rows[row * width + head * W..];
                scratch.sampler.sample::<T, W, FMA>(&map, places, out, width);
                row += count;
            }
        }
    }

    /// Applies the output projection, adds it to the queries and normalizes the sum.
    #[inline(always)]
    fn add_output(&mut self) -> Result<(), NoProduct> {
        let (width, block) = (self.width(), self.block);
        if let Some(weights) = &self.weights.second_output {
            self.write_second_output(weights)?;
        }
        let Scratch { rows, sums, stream, .. } = &mut *self.scratch;
        let left = Left { rows, stride: width, block, machine: self.machine };
        let weights = &self.weights.output;
        for panel in 0..weights.num_panels() {
            let numbers = &mut stream[weights.columns(panel).start..];
            weights.add(panel, 0..width, &left, sums, &mut Rows { numbers, stride: width })?;
        }
        let rows = rows.chunks_exact_mut(width);
        for (row, stream) in rows.zip(stream.chunks_exact_mut(width)).take(block.rows) {
            self.weights.norm1.apply(stream);
            T::round(self.machine.set, stream, row);
        }
        Ok(())
    }

    /// Applies the second output projection.
    #[inline(always)]
    fn write_second_output(&mut self, weights: &Packed<T>) -> Result<(), NoProduct> {
        let (width, block) = (self.width(), self.block);
        let Scratch { rows, sums, .. } = &mut *self.scratch;
        let left = Left { rows, stride: width, block, machine: self.machine };
        for panel in 0..weights.num_panels() {
            weights.sum(panel, &left, false, sums)?;
            let columns = weights.columns(panel);
            for (row, sums) in sums.as_chunks::<PANEL>().0[..block.rows].iter().enumerate() {
                let to = (block.first + row) * weights.outputs() + columns.start;
                // SAFETY: a block, with the queries that are its own, goes to one thread.
                unsafe { self.out.second.write(to, &sums[..columns.len()]) };
            }
        }
        Ok(())
    }

    /// Applies the feed-forward network, normalizes and writes the queries.
    #[inline(always)]
    fn feed_forward(&mut self) -> Result<(), NoProduct> {
        let (width, block, machine) = (self.width(), self.block, self.machine);
        let Scratch { rows, hidden, sums, stream, .. } = &mut *self.scratch;
        let (linear1, linear2) = (&self.weights.linear1, &self.weights.linear2);
        let left = Left { rows, stride: width, block, machine };
        // Each group of hidden channels is computed and consumed while it is in the cache.
        for first in (0..linear1.num_panels()).step_by(HIDDEN_PANELS) {
            let panels = first..linear1.num_panels().min(first + HIDDEN_PANELS);
            let inputs = linear1.columns(first).start..linear1.columns(panels.end - 1).end;
            let stride = inputs.len();
            for panel in panels {
                let numbers = &mut hidden[(panel - first) * PANEL..];
                linear1.round(panel, &left, true, sums, &mut Rows { numbers, stride })?;
            }
            let hidden = Left { rows: hidden, stride, block, machine };
            for panel in 0..linear2.num_panels() {
                let numbers = &mut stream[linear2.columns(panel).start..];
                let to = &mut Rows { numbers, stride: width };
                linear2.add(panel, inputs.clone(), &hidden, sums, to)?;
            }
        }
        for (row, stream) in stream.chunks_exact_mut(width).take(block.rows).enumerate() {
            self.out.queries.prefetch((block.first + row + AHEAD) * width, width);
            self.weights.norm2.apply(stream);
            // SAFETY: as for the second output.
            unsafe { self.out.queries.write((block.first + row) * width, stream) };
        }
        Ok(())
    }
}
