//! The forward pass of one task.

use super::head::{Head, block_width, dense_head};
use super::inputs::{MsDeformAttnInputs, Task};
use crate::aligned::Aligned;
use crate::disjoint_rows::DisjointRows;
use crate::instruction_set::{InstructionSet, Vectorized};
use crate::points::{Corners, PointGroup, exact_sum, groups, is_finite};
use crate::row_sums::RowSums;
use crate::samples::{Buffer, Centres, Place};
use crate::shape::Shape;

/// How many queries ahead locations and weights are prefetched; those of one head are far apart.
pub(super) const PREFETCH_QUERIES: usize = 4;

/// One task, and the buffers that its thread keeps between tasks.
pub(super) struct Forward<'a, T> {
    pub(super) inputs: &'a MsDeformAttnInputs<'a, T>,
    pub(super) centres: &'a Centres,
    pub(super) out: &'a DisjointRows<'a, T>,
    pub(super) task: Task,
    pub(super) scratch: &'a mut Scratch<T>,
}

/// The buffers of a thread.
pub(super) struct Scratch<T> {
    head: Head,
    queries: QueryScratch<T>,
}

/// The buffers that queries write.
struct QueryScratch<T> {
    groups: Vec<PointGroup>,
    points: Buffer,
    corners: Corners,
    /// One output row in `f32`, padded like the rows of the head.
    sum: Aligned<f32>,
    /// One output row.
    row: Aligned<T>,
}

impl<T: RowSums> Scratch<T> {
    pub(super) fn new(shape: &Shape, set: InstructionSet) -> Self {
        let head = Head::new(shape.channels);
        let sum = Aligned::new(head.row_length);
        let row = Aligned::new(shape.channels);
        let (groups, points) = (groups(shape), Buffer::new(shape, set));
        let queries = QueryScratch { groups, points, corners: Corners::NONE, sum, row };
        Self { head, queries }
    }
}

impl<T: RowSums> Vectorized for Forward<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match block_width(self.inputs.shape.channels) {
            64 => run_task::<T, 64, FMA>(self),
            32 => run_task::<T, 32, FMA>(self),
            16 => run_task::<T, 16, FMA>(self),
            _ => run_task::<T, 8, FMA>(self),
        }
    }
}

#[inline(always)]
fn run_task<T: RowSums, const W: usize, const FMA: bool>(work: Forward<'_, T>) {
    let Forward { inputs, centres, out, task, scratch } = work;
    if let Some(rows) = dense_head(inputs, task, scratch.head.row_length) {
        sum_rows::<T, T, W, FMA>(inputs, centres, out, task, &mut scratch.queries, rows);
    } else {
        scratch.head.load(inputs, task);
        let rows = &scratch.head.rows;
        sum_rows::<T, f32, W, FMA>(inputs, centres, out, task, &mut scratch.queries, rows);
    }
}

/// Sums the rows of one head, `[S, D]`, at the sampling locations of the task's queries.
#[inline(always)]
fn sum_rows<T: RowSums, R: RowSums, const W: usize, const FMA: bool>(
    inputs: &MsDeformAttnInputs<'_, T>,
    centres: &Centres,
    out: &DisjointRows<'_, T>,
    task: Task,
    scratch: &mut QueryScratch<T>,
    rows: &[R],
) {
    let shape = inputs.shape;
    let (samples, set) = (shape.samples(), scratch.points.set);
    let (rows, _) = rows.as_chunks::<W>();
    let blocks = scratch.sum.len() / W;
    for query in task.first_query..task.first_query + task.num_queries {
        let index = (task.clip * shape.queries + query) * shape.heads + task.head;
        inputs.samples.prefetch(index + PREFETCH_QUERIES * shape.heads, samples);
        let place = Place { clip: task.clip, query, index };
        inputs.samples.read::<FMA>(shape, centres, place, &mut scratch.points);
        scratch.sum.fill(0.0);
        for (number, group) in scratch.groups.iter_mut().enumerate() {
            let Buffer { locations, weights, .. } = &scratch.points;
            scratch.corners.set(set, group, &locations[number], &weights[number]);
            let Corners { cells, factors, .. } = &scratch.corners;
            for (block, sum) in scratch.sum.as_chunks_mut::<W>().0.iter_mut().enumerate() {
                R::add_group::<W, FMA>(set, sum, rows, [blocks, block], cells, factors);
            }
        }
        if !is_finite(&scratch.sum) {
            exact_sum(shape, &scratch.points, rows.as_flattened(), &mut scratch.sum);
        }
        T::round(set, &scratch.sum, &mut scratch.row);
        // SAFETY: `index` is a query and head of this task, which no other task has.
        unsafe { out.write(index * shape.channels, &scratch.row) };
    }
}
