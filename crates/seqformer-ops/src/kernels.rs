//! The CPU kernels: multi-scale deformable attention, and dropout.
//!
//! Attention: the work is cut by clip, head and a block of queries. The values of one head lie 1 KiB apart in
//! `[N, S, M, D]`, which defeats the caches, so a thread first copies the head it works on into a
//! dense `[S, D]` block (and to `f32`). All points of a query are then turned into rows and
//! factors at once, in vector registers, and the rows are summed. Backward gives a whole head
//! to one thread, so that the gradient of the values needs no atomics.
//!
//! The code is compiled four times (AVX-512 with and without bfloat16, AVX2, baseline) and the best is picked at run time.

pub(crate) mod attention;
mod backward;
mod blocks;
pub(crate) mod deformable_layer;
mod disjoint_rows;
pub(crate) mod dropout;
mod element;
mod forward;
pub(crate) mod frames;
mod head;
pub(crate) mod head_values;
mod instruction_set;
pub(crate) mod linear;
pub(crate) mod max_pool;
pub(crate) mod norm;
pub(crate) mod packed;
mod points;
pub(crate) mod pointwise;
mod reading;
mod samples;
mod softmax;
pub(crate) mod weight_gradient;
pub(crate) mod winograd;

pub(crate) use element::{Bf16, Element};
pub(crate) use instruction_set::{InstructionSet, Vectorized, run_vectorized};
pub(crate) use points::Line;
pub(crate) use samples::{Samples, Shares};
pub(crate) use softmax::LEAST_EXPONENT;

use self::disjoint_rows::DisjointRows;
use crate::LevelSize;
use crate::ffi::{num_threads, parallel_for};

/// The sizes of one call.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) batch: usize,
    pub(crate) tokens: usize,
    pub(crate) heads: usize,
    pub(crate) channels: usize,
    pub(crate) queries: usize,
    pub(crate) points: usize,
    pub(crate) levels: Vec<LevelSize>,
}

impl Shape {
    /// Points of one query and head over all levels, `L * P`.
    pub(crate) fn samples(&self) -> usize {
        self.levels.len() * self.points
    }
}

/// What both passes read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inputs<'a, T> {
    pub(crate) shape: &'a Shape,
    /// `[N, S, M, D]`, or `[N, M, S, D]` if `head_major`.
    pub(crate) value: &'a [T],
    /// Forward only.
    pub(crate) head_major: bool,
    pub(crate) samples: Samples<'a>,
    /// `[N or 1, S]`, true = the token counts as zero; empty where none does.
    pub(crate) padding: &'a [bool],
}

impl<T> Inputs<'_, T> {
    /// Which tokens of a clip count as zero; `None` where none does.
    pub(super) fn padding_of(&self, clip: usize) -> Option<&[bool]> {
        let tokens = self.shape.tokens;
        let clip = if self.padding.len() > tokens { clip } else { 0 };
        self.padding.get(clip * tokens..(clip + 1) * tokens).filter(|padding| !padding.is_empty())
    }
}

/// Where backward writes.
#[derive(Debug)]
pub(crate) struct Gradients<'a, T> {
    /// `[N, S, M, D]`
    pub(crate) value: &'a mut [T],
    /// Of the locations or offsets, `[N, Q, M, L, P, 2]`.
    pub(crate) places: &'a mut [f32],
    /// Of the weights or logits, `[N, Q, M, L, P]`.
    pub(crate) weights: &'a mut [f32],
}

/// A part of the work: some queries of one head of one clip.
#[derive(Debug, Clone, Copy)]
struct Task {
    clip: usize,
    head: usize,
    first_query: usize,
    num_queries: usize,
}

/// Tasks of `queries` that are worth waking a thread for.
fn grain(shape: &Shape, queries: usize) -> usize {
    const MIN_READS: usize = 1 << 15;
    let reads = queries * shape.samples() + shape.tokens;
    (MIN_READS / (reads * shape.channels.div_ceil(16)).max(1)).max(1)
}

/// Sums the sampled values into `out`, `[N, Q, M * D]`.
pub(crate) fn forward<T: Element>(inputs: &Inputs<'_, T>, out: &mut [T], set: InstructionSet) {
    let shape = inputs.shape;
    let out = &DisjointRows::new(out);
    let heads = shape.batch * shape.heads;
    if heads == 0 || shape.queries == 0 {
        return;
    }
    // Whole heads where there are enough of them: a thread copies a head once.
    let blocks = if heads >= 4 * num_threads() { 1 } else { shape.queries.div_ceil(256) };
    let block = shape.queries.div_ceil(blocks);
    let centres = &inputs.samples.centres(shape);
    parallel_for(heads * blocks, grain(shape, block), &|range| {
        let mut scratch = forward::Scratch::new(shape, set);
        for index in range {
            let (pair, part) = (index / blocks, index % blocks);
            let first_query = part * block;
            let num_queries = block.min(shape.queries.saturating_sub(first_query));
            let task = Task {
                clip: pair / shape.heads,
                head: pair % shape.heads,
                first_query,
                num_queries,
            };
            run_vectorized(
                set,
                forward::Forward { inputs, centres, out, task, scratch: &mut scratch },
            );
        }
    });
}

/// Writes the gradients of the three inputs, given that of the output, `[N, Q, M * D]`.
pub(crate) fn backward<T: Element>(
    inputs: &Inputs<'_, T>,
    grad_out: &[T],
    gradients: Gradients<'_, T>,
    set: InstructionSet,
) {
    let shape = inputs.shape;
    let gradients = &backward::GradientRows {
        value: DisjointRows::new(gradients.value),
        places: DisjointRows::new(gradients.places),
        weights: DisjointRows::new(gradients.weights),
    };
    let centres = &inputs.samples.centres(shape);
    parallel_for(shape.batch * shape.heads, grain(shape, shape.queries), &|range| {
        let mut scratch = backward::Scratch::new(shape, set);
        for pair in range {
            let (clip, head) = (pair / shape.heads, pair % shape.heads);
            let task = Task { clip, head, first_query: 0, num_queries: shape.queries };
            let scratch = &mut scratch;
            run_vectorized(
                set,
                backward::Backward { inputs, centres, grad_out, gradients, task, scratch, set },
            );
        }
    });
}

#[cfg(test)]
pub(crate) mod non_finite;
#[cfg(test)]
mod tests;
