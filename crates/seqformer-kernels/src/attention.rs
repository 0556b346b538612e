//! Softmax self-attention of a few hundred queries, one head at a time.
//!
//! Keys and values of a head are packed once as right factors of block products. A block of queries is then processed
//! from its logits through the softmax to its sums while all of it is in the cache.

use crate::aligned::Aligned;
use crate::blocks::{Failure, NoProduct, divide};
use crate::disjoint_rows::DisjointRows;
use crate::instruction_set::{InstructionSet, Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::products::{BlockProduct, BlockShape, Factor};
use crate::scalar::sum16;
#[cfg(target_arch = "x86_64")]
use crate::simd::exponentials16;
use crate::softmax::exp;
use crate::threads::work_stealing_for;

/// Queries per block: its logits for 300 keys stay in the L1 cache.
const ROWS: usize = 32;
/// Elements that are processed together: one register of bfloat16 numbers, two of `f32`.
const LANES: usize = 32;

/// The inputs of attention.
#[derive(Debug, Clone, Copy)]
pub struct AttentionInputs<'a> {
    /// Queries and keys side by side, `[N, Q, 2 * M * D]`.
    pub query_key: &'a [f32],
    /// `[N, Q, M * D]`
    pub values: &'a [f32],
    /// `Q`
    pub queries: usize,
    /// `M`
    pub heads: usize,
    /// `D`, a multiple of the factors' interleaving
    pub channels: usize,
}

/// Writes `softmax(q kᵀ / √D) v`, `[N, Q, M * D]`.
///
/// # Errors
///
/// If this machine has no kernel for the products.
pub fn attention<T: Factor>(
    inputs: &AttentionInputs<'_>,
    out: &mut [f32],
    machine: &Machine<'_>,
) -> Result<(), NoProduct> {
    let set = machine.set;
    let out = &DisjointRows::new(out);
    let per_item = inputs.queries * inputs.heads * inputs.channels;
    let batch = inputs.values.len().checked_div(per_item).unwrap_or(0);
    let failed = Failure::default();
    work_stealing_for(machine.threads, batch * inputs.heads, &|heads| {
        let mut scratch = Scratch::<T>::new(inputs);
        for index in heads {
            let (item, number) = divide(index, inputs.heads);
            let scratch = &mut scratch;
            run_vectorized(
                set,
                Head { inputs, out, item, number, scratch, failed: &failed, machine },
            );
        }
        T::end_products(machine.products);
    });
    if failed.is_set() { Err(NoProduct) } else { Ok(()) }
}

/// The buffers of a thread. Keys are padded to whole registers; padding has no weight.
struct Scratch<T> {
    /// `Q`, padded
    num_keys: usize,
    /// `[D, keys]`, interleaved
    keys: Aligned<T>,
    /// `[keys, D]`, interleaved
    values: Aligned<T>,
    /// `[D]`
    row: Aligned<T>,
    /// `[ROWS, D]`
    rows: Aligned<T>,
    /// `[ROWS, keys]`
    logits: Aligned<f32>,
    /// Exponentials of the logits, `[ROWS, keys]`.
    weights: Aligned<T>,
    /// `[ROWS, D]`
    sums: Aligned<f32>,
}

impl<T: Factor> Scratch<T> {
    fn new(inputs: &AttentionInputs<'_>) -> Self {
        let (num_keys, channels) = (inputs.queries.next_multiple_of(LANES), inputs.channels);
        Self {
            num_keys,
            keys: Aligned::new(channels * num_keys),
            values: Aligned::new(num_keys * channels),
            row: Aligned::new(channels),
            rows: Aligned::new(ROWS * channels),
            logits: Aligned::new(ROWS * num_keys),
            weights: Aligned::new(ROWS * num_keys),
            sums: Aligned::new(ROWS * channels),
        }
    }
}

/// One head of one item.
struct Head<'a, T> {
    inputs: &'a AttentionInputs<'a>,
    out: &'a DisjointRows<'a, f32>,
    item: usize,
    number: usize,
    scratch: &'a mut Scratch<T>,
    failed: &'a Failure,
    machine: &'a Machine<'a>,
}

impl<T: Factor> Vectorized for Head<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(mut self) {
        self.load();
        for first in (0..self.inputs.queries).step_by(ROWS) {
            if self.block::<FMA>(first).is_err() {
                self.failed.set();
                return;
            }
        }
    }
}

impl<T: Factor> Head<'_, T> {
    /// First element of a query's values and results.
    #[inline(always)]
    fn row(&self, query: usize) -> usize {
        let AttentionInputs { queries, heads, channels, .. } = *self.inputs;
        ((self.item * queries + query) * heads + self.number) * channels
    }

    /// Packs keys and values.
    #[inline(always)]
    fn load(&mut self) {
        let AttentionInputs { values, queries, channels, .. } = *self.inputs;
        let num_keys = self.scratch.num_keys;
        let group_length = num_keys * T::INTERLEAVED;
        for key in 0..queries {
            let first = self.row(key);
            let row = &mut self.scratch.row[..channels];
            T::round(self.machine.set, query_key(self.inputs, self.item, self.number, key, 1), row);
            let groups = self.scratch.keys.chunks_exact_mut(group_length);
            for (to, from) in groups.zip(row.chunks_exact(T::INTERLEAVED)) {
                to[key * T::INTERLEAVED..][..T::INTERLEAVED].copy_from_slice(from);
            }
            T::round(self.machine.set, &values[first..][..channels], row);
            let (group, lane) = divide(key, T::INTERLEAVED);
            let to = &mut self.scratch.values[group * channels * T::INTERLEAVED..];
            for (to, from) in to.chunks_exact_mut(T::INTERLEAVED).zip(&*row) {
                to[lane] = *from;
            }
        }
    }

    /// Computes attention for the block of queries starting at `first`.
    #[inline(always)]
    fn block<const FMA: bool>(&mut self, first: usize) -> Result<(), NoProduct> {
        let AttentionInputs { queries, channels, .. } = *self.inputs;
        let rows = ROWS.min(queries - first);
        let (scale, set) = (1.0 / (channels as f32).sqrt(), self.machine.set);
        for row in 0..rows {
            let query = query_key(self.inputs, self.item, self.number, first + row, 0);
            let scaled = &mut self.scratch.sums[..channels];
            for (scaled, channel) in scaled.iter_mut().zip(query) {
                *scaled = channel * scale;
            }
            T::round(
                self.machine.set,
                scaled,
                &mut self.scratch.rows[row * channels..][..channels],
            );
        }
        let num_keys = self.scratch.num_keys;
        let Scratch { keys, values, rows: left, logits, weights, sums, .. } = &mut *self.scratch;
        let shape = BlockShape {
            rows,
            columns: num_keys,
            depth: channels,
            a_stride: channels,
            b_stride: num_keys,
            c_stride: num_keys,
        };
        let product = BlockProduct { shape, a: left, b: keys, add: false };
        if !T::multiply(self.machine.products, &product, logits) {
            return Err(NoProduct);
        }
        let mut scales = [0.0; ROWS];
        let to_rows = weights.chunks_exact_mut(num_keys);
        let from_rows = logits.chunks_exact_mut(num_keys);
        for ((scale, logits), weights) in scales.iter_mut().zip(from_rows).zip(to_rows).take(rows) {
            *scale = 1.0 / exponentials::<FMA>(set, logits, queries);
            T::round(set, logits, weights);
        }
        let shape = BlockShape {
            rows,
            columns: channels,
            depth: num_keys,
            a_stride: num_keys,
            b_stride: channels,
            c_stride: channels,
        };
        let product = BlockProduct { shape, a: weights, b: values, add: false };
        if !T::multiply(self.machine.products, &product, sums) {
            return Err(NoProduct);
        }
        for (row, scale) in scales[..rows].iter().enumerate() {
            let sums = &mut self.scratch.sums[row * channels..][..channels];
            for sum in sums {
                *sum *= scale;
            }
            let sums = &self.scratch.sums[row * channels..][..channels];
            // SAFETY: a head of an item, with the channels that are its own, goes to one thread.
            unsafe { self.out.write(self.row(first + row), sums) };
        }
        Ok(())
    }
}

/// The elements of a query that belong to a head: `part` 0 is the query, 1 the key.
#[inline(always)]
fn query_key<'a>(
    inputs: &AttentionInputs<'a>,
    item: usize,
    head: usize,
    query: usize,
    part: usize,
) -> &'a [f32] {
    let AttentionInputs { query_key, queries, heads, channels, .. } = *inputs;
    let width = heads * channels;
    let first = (item * queries + query) * 2 * width + part * width;
    &query_key[first + head * channels..][..channels]
}

/// Replaces the first `count` logits with `exp(logit - max)` and the rest with zeros; returns the sum.
#[inline(always)]
fn exponentials<const FMA: bool>(set: InstructionSet, logits: &mut [f32], count: usize) -> f32 {
    logits[count..].fill(f32::NEG_INFINITY);
    let (chunks, _) = logits.as_chunks_mut::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in &*chunks {
        for (most, &logit) in most.iter_mut().zip(chunk) {
            // Not `max`: NaN is skipped here and propagates through its exponential.
            *most = if logit > *most { logit } else { *most };
        }
    }
    let most = greatest(&most);
    #[cfg(target_arch = "x86_64")]
    if set.has_avx512() {
        // The padding adds nothing to the sum: its exponentials are zero.
        let sum = exponentials16(set, logits, most);
        logits[count..].fill(0.0);
        return sum;
    }
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for k in 0..LANES {
            chunk[k] = exp::<FMA>(chunk[k] - most);
            sums[k] += chunk[k];
        }
    }
    logits[count..].fill(0.0);
    let (low, high) = sums.split_at_mut(LANES / 2);
    for k in 0..LANES / 2 {
        low[k] += high[k];
    }
    sum16(low.first_chunk().expect("half of the sums is sixteen"))
}

/// The maximum, by halving.
#[inline(always)]
fn greatest(lanes: &[f32; LANES]) -> f32 {
    let greater = |a: f32, b: f32| if a > b { a } else { b };
    let (mut sixteen, mut eight, mut four) = ([0.0; 16], [0.0; 8], [0.0; 4]);
    for k in 0..16 {
        sixteen[k] = greater(lanes[k], lanes[k + 16]);
    }
    for k in 0..8 {
        eight[k] = greater(sixteen[k], sixteen[k + 8]);
    }
    for k in 0..4 {
        four[k] = greater(eight[k], eight[k + 4]);
    }
    greater(greater(four[0], four[2]), greater(four[1], four[3]))
}
