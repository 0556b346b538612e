//! Rows in blocks, shared out among threads.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::machine::Machine;
use crate::products::Factor;
use crate::threads::{Threads, work_stealing_for};

/// A product that no kernel of this machine computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoProduct;

/// Most rows of a block: enough to use each weight often, few enough for all of a block to stay in cache.
pub const ROWS: usize = 64;

/// Rows that follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// Number of the first.
    pub first: usize,
    /// How many there are.
    pub rows: usize,
    /// Rows that the products take, the same in all blocks of a call; those beyond `rows` hold anything.
    pub height: usize,
}

/// Whether a product has failed on any thread.
#[derive(Debug, Default)]
pub(crate) struct Failure(AtomicBool);

impl Failure {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is done with one part of a block, in a thread's buffers.
type InBlock<'a, S> = &'a (dyn Fn(Block, usize, &mut S, &Failure) + Sync);

/// Rows of a block when there are `rows` in all.
///
/// Few rows are shared out evenly among threads. Many go in full blocks, so that products come in few sizes, each
/// of which is compiled when it is first met.
pub(crate) fn height_for(threads: &dyn Threads, rows: usize) -> usize {
    const FEW: usize = 8;
    let (blocks, threads) = (rows.div_ceil(ROWS), threads.num_threads());
    if blocks > FEW * threads {
        return ROWS;
    }
    rows.div_ceil(blocks.next_multiple_of(threads).max(1)).max(1)
}

/// Runs `work` for `parts` parts of every block of `rows` rows, on libtorch's threads.
pub(crate) fn in_blocks<T: Factor, S>(
    machine: &Machine<'_>,
    rows: usize,
    parts: usize,
    new: &(dyn Fn() -> S + Sync),
    work: InBlock<'_, S>,
) -> Result<(), NoProduct> {
    let failed = Failure::default();
    let height = height_for(machine.threads, rows);
    work_stealing_for(machine.threads, rows.div_ceil(height) * parts, &|indices| {
        let mut scratch = new();
        for index in indices {
            let (number, part) = divide(index, parts);
            let first = number * height;
            let block = Block { first, rows: height.min(rows - first), height };
            work(block, part, &mut scratch, &failed);
        }
        T::end_products(machine.products);
    });
    if failed.is_set() { Err(NoProduct) } else { Ok(()) }
}

/// Quotient and rest.
#[inline(always)]
pub(crate) fn divide(number: usize, by: usize) -> (usize, usize) {
    (number / by, number % by)
}
