//! Multi-scale deformable attention, forward and backward.
//!
//! Work is divided by clip, head and block of queries. The values of one head are 1 KiB apart in
//! `[N, S, M, D]`, which defeats the caches, so a thread first copies its head into a dense `[S,
//! D]` block (and to `f32`). All points of a query are then converted to rows and factors at once,
//! in vector registers, and the rows are summed. The backward pass assigns a whole head to one
//! thread, so that the gradient of the values needs no atomics.

mod backward;
mod forward;
mod head;
mod inputs;

pub use self::inputs::{Gradients, MsDeformAttnInputs};

use self::inputs::Task;
use crate::disjoint_rows::DisjointRows;
use crate::instruction_set::run_vectorized;
use crate::machine::Machine;
use crate::row_sums::RowSums;
use crate::shape::Shape;

/// Number of tasks of `queries` that are worth waking a thread.
fn grain(shape: &Shape, queries: usize) -> usize {
    const MIN_READS: usize = 1 << 15;
    let reads = queries * shape.samples() + shape.tokens;
    (MIN_READS / (reads * shape.channels.div_ceil(16)).max(1)).max(1)
}

/// Sums the sampled values into `out`, `[N, Q, M * D]`.
pub fn forward<T: RowSums>(
    inputs: &MsDeformAttnInputs<'_, T>,
    out: &mut [T],
    machine: &Machine<'_>,
) {
    let set = machine.set;
    let shape = inputs.shape;
    let out = &DisjointRows::new(out);
    let heads = shape.batch * shape.heads;
    if heads == 0 || shape.queries == 0 {
        return;
    }
    // Whole heads if there are enough of them, so that a thread copies each head once.
    let blocks =
        if heads >= 4 * machine.threads.num_threads() { 1 } else { shape.queries.div_ceil(256) };
    let block = shape.queries.div_ceil(blocks);
    let centres = &inputs.samples.centres(shape);
    machine.threads.parallel_for(heads * blocks, grain(shape, block), &|range| {
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
pub fn backward<T: RowSums>(
    inputs: &MsDeformAttnInputs<'_, T>,
    grad_out: &[T],
    gradients: Gradients<'_, T>,
    machine: &Machine<'_>,
) {
    let set = machine.set;
    let shape = inputs.shape;
    let gradients = &backward::GradientRows {
        value: DisjointRows::new(gradients.value),
        locations: DisjointRows::new(gradients.locations),
        weights: DisjointRows::new(gradients.weights),
    };
    let centres = &inputs.samples.centres(shape);
    machine.threads.parallel_for(
        shape.batch * shape.heads,
        grain(shape, shape.queries),
        &|range| {
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
        },
    );
}

#[cfg(test)]
mod tests;
