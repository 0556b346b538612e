//! The backward pass of one task, a whole head of one clip.

use super::forward::PREFETCH_QUERIES;
use super::head::{Head, PREFETCH_ROWS, block_width};
use super::inputs::{MsDeformAttnInputs, Task};
use crate::aligned::Aligned;
use crate::disjoint_rows::DisjointRows;
use crate::element::Element;
use crate::head_rows::HeadRows;
use crate::instruction_set::{InstructionSet, Vectorized};
use crate::lanes::{CORNERS, LANES, Lanes, Line};
use crate::points::{PointGroup, groups};
use crate::prefetch::prefetch;
use crate::row_sums::add_scaled;
use crate::samples::{Buffer, Centres, Place};
use crate::scalar::sum16;
use crate::shape::Shape;
#[cfg(target_arch = "x86_64")]
use crate::simd::add_group_gradients;

/// One task, and the buffers that its thread keeps between tasks.
pub(super) struct Backward<'a, T> {
    pub(super) inputs: &'a MsDeformAttnInputs<'a, T>,
    pub(super) centres: &'a Centres,
    /// `[N, Q, M * D]`
    pub(super) grad_out: &'a [T],
    pub(super) gradients: &'a GradientRows<'a, T>,
    pub(super) task: Task,
    pub(super) scratch: &'a mut Scratch<T>,
    /// The instruction set.
    pub(super) set: InstructionSet,
}

/// The gradients as shared by the tasks; each writes rows of its own clip and head.
pub(super) struct GradientRows<'a, T> {
    pub(super) value: DisjointRows<'a, T>,
    pub(super) locations: DisjointRows<'a, f32>,
    pub(super) weights: DisjointRows<'a, f32>,
}

/// The buffers of a thread.
pub(super) struct Scratch<T> {
    head: Head,
    groups: Vec<PointGroup>,
    points: Buffer,
    /// Gradient of the head's values, laid out like them.
    grad_rows: Aligned<f32>,
    /// Gradient of one output row.
    grad_out: Aligned<f32>,
    grad_locations: Aligned<f32>,
    grad_weights: Aligned<f32>,
    row: Aligned<T>,
}

impl<T: Element> Scratch<T> {
    pub(super) fn new(shape: &Shape, set: InstructionSet) -> Self {
        let head = Head::new(shape.channels);
        let samples = shape.samples();
        Self {
            grad_rows: Aligned::new(shape.tokens * head.row_length),
            grad_out: Aligned::new(head.row_length),
            grad_locations: Aligned::new(2 * samples),
            grad_weights: Aligned::new(samples),
            row: Aligned::new(shape.channels),
            groups: groups(shape),
            points: Buffer::new(shape, set),
            head,
        }
    }
}

impl<T: Element> Vectorized for Backward<'_, T> {
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
fn run_task<T: Element, const W: usize, const FMA: bool>(work: Backward<'_, T>) {
    let Backward { inputs, centres, grad_out, gradients, task, scratch, set } = work;
    let shape = inputs.shape;
    let samples = shape.samples();
    scratch.head.load(inputs, task);
    scratch.grad_rows.fill(0.0);
    let mut rows = HeadRows {
        values: scratch.head.rows.as_chunks::<W>().0,
        gradients: scratch.grad_rows.as_chunks_mut::<W>().0,
        blocks: scratch.head.row_length / W,
        block: 0,
    };
    for query in 0..task.num_queries {
        let index = (task.clip * shape.queries + query) * shape.heads + task.head;
        let ahead = index + PREFETCH_QUERIES * shape.heads;
        inputs.samples.prefetch(ahead, samples);
        prefetch(grad_out, shape.channels * ahead, shape.channels);
        gradients.locations.prefetch(2 * samples * ahead, 2 * samples);
        gradients.weights.prefetch(samples * ahead, samples);
        let place = Place { clip: task.clip, query, index };
        inputs.samples.read::<FMA>(shape, centres, place, &mut scratch.points);
        let source = &grad_out[index * shape.channels..][..shape.channels];
        widen::<T, W>(&mut scratch.grad_out, source);
        let (grad, _) = scratch.grad_out.as_chunks::<W>();
        for (number, group) in scratch.groups.iter_mut().enumerate() {
            group.place::<true>(&scratch.points.locations[number]);
            let weights = scratch.points.weights[number];
            let factors = group.factors(&weights);
            let mut dots = [Line([0.0; LANES]); CORNERS];
            for (block, grad) in grad.iter().enumerate() {
                rows.block = block;
                for corner in 0..CORNERS {
                    let (cells, factors) = (&group.cells[corner], &factors[corner]);
                    let dots = &mut dots[corner];
                    add_gradients::<W, FMA>(set, grad, &mut rows, cells, factors, dots);
                }
            }
            let (grad_xy, grad_weights) = point_gradients(group, &dots, &weights);
            fill_front(&mut scratch.grad_locations[2 * LANES * number..], &grad_xy);
            fill_front(&mut scratch.grad_weights[LANES * number..], &grad_weights);
        }
        let (locations, weights) = (&mut scratch.grad_locations, &mut scratch.grad_weights);
        inputs.samples.chain(&scratch.points, locations, weights);
        // SAFETY: `index` is a query of this task's clip and head, which no other task has.
        unsafe { gradients.locations.write(2 * samples * index, &scratch.grad_locations) };
        // SAFETY: as above.
        unsafe { gradients.weights.write(samples * index, &scratch.grad_weights) };
    }
    write_value_gradient(inputs, gradients, task, scratch);
}

/// Copies as many elements of `from` as `to` has room for.
#[inline(always)]
fn fill_front<const N: usize>(to: &mut [f32], from: &[f32; N]) {
    if let Some(to) = to.first_chunk_mut() {
        *to = *from;
    } else {
        let length = to.len();
        to.copy_from_slice(&from[..length]);
    }
}

/// Copies a row as `f32`, a block at a time: blocks are read next, and the processor would wait for smaller writes to
/// complete.
#[inline(always)]
fn widen<T: Element, const W: usize>(to: &mut [f32], from: &[T]) {
    for (to, from) in to.as_chunks_mut::<W>().0.iter_mut().zip(from.chunks(W)) {
        if let Some(from) = from.first_chunk::<W>() {
            // Not `map`, which is not inlined.
            for j in 0..W {
                to[j] = from[j].to_f32();
            }
        } else {
            for (to, from) in to.iter_mut().zip(from) {
                *to = from.to_f32();
            }
        }
    }
}

/// Adds the products of the output's gradient with the rows of sixteen cells to `dots`, and adds to the gradients of
/// these rows.
#[inline(always)]
fn add_gradients<const W: usize, const FMA: bool>(
    set: InstructionSet,
    grad: &[f32; W],
    rows: &mut HeadRows<'_, W>,
    cells: &Lanes<i32>,
    factors: &Lanes<f32>,
    dots: &mut Lanes<f32>,
) {
    #[cfg(target_arch = "x86_64")]
    if set.has_avx512() && W.is_multiple_of(WIDE) {
        return add_group_gradients::<W>(set, grad, rows, cells, factors, dots);
    }
    for k in 0..LANES {
        let row = cells[k] as usize * rows.blocks + rows.block;
        dots[k] += sum16(&wide_products::<W, FMA>(grad, &rows.values[row]));
        add_scaled::<f32, W, FMA>(&mut rows.gradients[row], grad, factors[k]);
    }
}

/// Partial sums of a product.
const WIDE: usize = 16;

/// Sums of every sixteenth of the products of `a` and `b`; for short rows every eighth, in the lower half.
#[inline(always)]
fn wide_products<const W: usize, const FMA: bool>(a: &[f32; W], b: &[f32; W]) -> [f32; WIDE] {
    let mut lanes = [0.0_f32; WIDE];
    let width = if W.is_multiple_of(WIDE) { WIDE } else { WIDE / 2 };
    for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
        for j in 0..width {
            lanes[j] = if FMA { a[j].mul_add(b[j], lanes[j]) } else { lanes[j] + a[j] * b[j] };
        }
    }
    lanes
}

/// Gradients of the locations, `[LANES, 2]`, and of the weights of a group, given the products of the output's gradient
/// with each cell.
#[inline(always)]
fn point_gradients(
    group: &PointGroup,
    dots: &[Line; CORNERS],
    weights: &Lanes<f32>,
) -> ([f32; 2 * LANES], Lanes<f32>) {
    let mut grad_xy = [0.0; 2 * LANES];
    let mut grad_weights = [0.0; LANES];
    for k in 0..LANES {
        let (mut x, mut y, mut weight) = (0.0, 0.0, 0.0);
        for (corner, dots) in dots.iter().enumerate() {
            x += dots[k] * group.slopes_x[corner][k];
            y += dots[k] * group.slopes_y[corner][k];
            weight += dots[k] * group.bilinear_weights[corner][k];
        }
        grad_xy[2 * k] = weights[k] * x;
        grad_xy[2 * k + 1] = weights[k] * y;
        grad_weights[k] = weight;
    }
    (grad_xy, grad_weights)
}

#[inline(always)]
fn write_value_gradient<T: Element>(
    inputs: &MsDeformAttnInputs<'_, T>,
    gradients: &GradientRows<'_, T>,
    task: Task,
    scratch: &mut Scratch<T>,
) {
    let shape = inputs.shape;
    let row_length = scratch.head.row_length;
    let padding = inputs.padding_of(task.clip);
    for (token, from) in scratch.grad_rows.chunks_exact_mut(row_length).enumerate() {
        if padding.is_some_and(|padding| padding[token]) {
            from.fill(0.0);
        }
        for (to, from) in scratch.row.iter_mut().zip(&*from) {
            *to = T::from_f32(*from);
        }
        let index = (task.clip * shape.tokens + token) * shape.heads + task.head;
        let ahead = index + PREFETCH_ROWS * shape.heads;
        gradients.value.prefetch(ahead * shape.channels, shape.channels);
        // SAFETY: `index` is a token of this task's clip and head, which no other task has.
        unsafe { gradients.value.write(index * shape.channels, &scratch.row) };
    }
}
