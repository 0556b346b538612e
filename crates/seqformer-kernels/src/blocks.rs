//! Blocks of rows, distributed over threads.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::machine::Machine;
use crate::products::Factor;
use crate::threads::{Threads, work_stealing_for};

/// The error of a product for which this machine has no kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoProduct;

/// Maximum number of rows per block: enough to reuse each weight often, few enough for the whole block to stay in the
/// cache.
pub const ROWS: usize = 64;

/// Consecutive rows.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// Index of the first row.
    pub first: usize,
    /// Number of rows.
    pub rows: usize,
    /// Rows of the products, the same for all blocks of a call; those beyond `rows` have arbitrary content.
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

/// Processes one part of a block with a thread's buffers.
type InBlock<'a, S> = &'a (dyn Fn(Block, usize, &mut S, &Failure) + Sync);

/// Rows per block for `rows` rows in total.
///
/// Few rows are distributed evenly over threads. Many rows are divided into full blocks, so that products have few
/// sizes, each of which is compiled when it is first used.
pub(crate) fn height_for(threads: &dyn Threads, rows: usize) -> usize {
    const FEW: usize = 8;
    let (blocks, threads) = (rows.div_ceil(ROWS), threads.num_threads());
    if blocks > FEW * threads {
        return ROWS;
    }
    rows.div_ceil(blocks.next_multiple_of(threads).max(1)).max(1)
}

/// Calls `work` for `parts` parts of every block of `rows` rows, on the program's threads.
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

/// Quotient and remainder.
#[inline(always)]
pub(crate) fn divide(number: usize, by: usize) -> (usize, usize) {
    (number / by, number % by)
}
