//! Rows in blocks, shared out among threads.

use std::sync::atomic::{AtomicBool, Ordering};

use super::packed::NoProduct;
use crate::ffi::{Factor, end_block_products, num_threads, share_out};

/// Most rows of a block: enough to use each weight often, few enough for all of a block to stay in cache.
pub(crate) const ROWS: usize = 64;

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
pub(super) fn height_for(rows: usize) -> usize {
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
    share_out(rows.div_ceil(height) * parts, &|units| {
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
