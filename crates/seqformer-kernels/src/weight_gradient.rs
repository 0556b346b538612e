//! The gradient of a weight matrix: `gradᵀ x` over very many rows.
//!
//! Both factors are tall and the result is small, which general products are slow at. A thread takes some rows of the
//! result and goes down the tokens a block at a time: it turns the block of the gradient over, which the product wants as
//! rows, and adds the product of the blocks to the result, all of which stay in the cache meanwhile. Threads share no
//! element of the result, so there is nothing to add up in the end, and the order of the sums does not depend on
//! their number.

use crate::aligned::Aligned;
use crate::blocks::{Failure, NoProduct};
use crate::instruction_set::{InstructionSet, Vectorized, run_vectorized};
use crate::machine::Machine;
use crate::prefetch::prefetch;
use crate::products::{BlockProduct, BlockShape};
#[cfg(target_arch = "x86_64")]
use crate::simd::turn_square;
use crate::threads::parallel_rows;

/// Outputs per block.
const OUTPUTS: usize = 64;
/// Maximum number of input elements per block.
const INPUT_BLOCK: usize = 1 << 16;
/// Minimum and maximum number of tokens per block.
const TOKENS: (usize, usize) = (64, 512);
/// Size of the square tiles that are transposed together.
const TILE: usize = 16;

/// The factors.
#[derive(Debug, Clone, Copy)]
pub struct Factors<'a> {
    /// `[tokens, outputs]`
    pub grad: &'a [f32],
    /// `[tokens, inputs]`
    pub input: &'a [f32],
    /// Rows of both.
    pub tokens: usize,
    /// Columns of the gradient.
    pub outputs: usize,
    /// Columns of the input.
    pub inputs: usize,
}

impl Factors<'_> {
    /// Whether this kernel is worth using instead of a general product.
    pub fn are_tall(&self) -> bool {
        self.tokens >= 4 * TOKENS.0 && self.outputs >= OUTPUTS && self.inputs >= OUTPUTS
    }
}

/// Writes `gradᵀ input`, `[outputs, inputs]`.
///
/// # Errors
///
/// If this machine has no kernel for the products.
pub fn weight_gradient(
    factors: &Factors<'_>,
    out: &mut [f32],
    machine: &Machine<'_>,
) -> Result<(), NoProduct> {
    let set = machine.set;
    let Factors { outputs, inputs, .. } = *factors;
    let failed = Failure::default();
    // Each thread gets as many whole blocks of outputs as possible, so that it reads the input once.
    let blocks_per_part = outputs.div_ceil(OUTPUTS).div_ceil(machine.threads.num_threads());
    let part_rows = OUTPUTS * blocks_per_part;
    parallel_rows(machine.threads, out, part_rows * inputs, &|| (), &|number, out, ()| {
        let tokens = (INPUT_BLOCK / inputs).clamp(TOKENS.0, TOKENS.1);
        let stride = stride(tokens);
        let mut turned = Aligned::new(OUTPUTS * stride);
        let first_output = number * part_rows;
        for (first, count) in blocks(factors.tokens, tokens) {
            let input = &factors.input[first * inputs..][..count * inputs];
            for (block, out) in out.chunks_mut(OUTPUTS * inputs).enumerate() {
                let first_output = first_output + block * OUTPUTS;
                let width = out.len() / inputs;
                let grad = &factors.grad[first * outputs + first_output..];
                run_vectorized(
                    set,
                    Turn { grad, outputs, count, width, to: &mut turned, stride, set },
                );
                let shape = BlockShape {
                    rows: width,
                    columns: inputs,
                    depth: count,
                    a_stride: stride,
                    b_stride: inputs,
                    c_stride: inputs,
                };
                if first == 0 {
                    out.fill(0.0);
                }
                let product = BlockProduct { shape, a: &turned, b: input, add: true };
                if !machine.products.multiply_f32(&product, out) {
                    failed.set();
                    return;
                }
            }
        }
        machine.products.end_f32();
    });
    if failed.is_set() { Err(NoProduct) } else { Ok(()) }
}

/// First token and length of each block: full ones of `most`, and powers of two for the rest.
///
/// oneDNN compiles a product for every length and keeps it forever: arbitrary lengths would be as many as there are
/// image sizes.
fn blocks(tokens: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = tokens - first;
        let count = most.min(1_usize.checked_shl(left.checked_ilog2()?)?);
        let count = if left >= most { most } else { count };
        first += count;
        Some((first - count, count))
    })
}

/// Distance between rows of a transposed block: rows a power of two apart would share few cache lines.
fn stride(tokens: usize) -> usize {
    tokens + TILE
}

/// Transposes a block of the gradient: `count` rows of `width` of the `outputs` elements become columns.
struct Turn<'a> {
    grad: &'a [f32],
    outputs: usize,
    count: usize,
    width: usize,
    to: &'a mut [f32],
    stride: usize,
    set: InstructionSet,
}

impl Vectorized for Turn<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Self { grad, outputs, count, width, to, stride, set } = self;
        for top in (0..count).step_by(TILE) {
            let height = TILE.min(count - top);
            // Rows are too far apart for the hardware prefetcher.
            for row in top + TILE..top + 2 * TILE {
                prefetch(grad, row * outputs, width);
            }
            for left in (0..width).step_by(TILE) {
                let breadth = TILE.min(width - left);
                let from = &grad[top * outputs + left..];
                let to = &mut to[left * stride + top..];
                if height == TILE && breadth == TILE {
                    turn_tile(set, from, outputs, to, stride);
                } else {
                    for row in 0..height {
                        for column in 0..breadth {
                            to[column * stride + row] = from[row * outputs + column];
                        }
                    }
                }
            }
        }
    }
}

/// Transposes a whole tile; rows of `from` are `from_stride` apart, those of `to` `to_stride`.
#[inline(always)]
fn turn_tile(
    set: InstructionSet,
    from: &[f32],
    from_stride: usize,
    to: &mut [f32],
    to_stride: usize,
) {
    #[cfg(target_arch = "x86_64")]
    if set.has_avx512() {
        return turn_square(set, from, from_stride, to, to_stride);
    }
    let mut tile = [[0.0_f32; TILE]; TILE];
    for (row, tile) in tile.iter_mut().enumerate() {
        tile.copy_from_slice(&from[row * from_stride..][..TILE]);
    }
    for column in 0..TILE {
        let to = &mut to[column * to_stride..][..TILE];
        for (row, to) in to.iter_mut().enumerate() {
            *to = tile[row][column];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain;

    /// Differences of sums of a thousand numbers near 1.
    const TOLERANCE: f32 = 1e-4;

    #[test]
    fn blocks_of_few_lengths_cover_all_tokens() {
        let mut lengths = std::collections::BTreeSet::new();
        for most in [64, 409, 512] {
            for tokens in 0..3000 {
                let mut next = 0;
                for (first, count) in blocks(tokens, most) {
                    assert_eq!(first, next);
                    assert!(count <= most && count > 0);
                    next += count;
                    if most == 409 {
                        lengths.insert(count);
                    }
                }
                assert_eq!(next, tokens);
            }
        }
        assert_eq!(
            lengths.into_iter().collect::<Vec<_>>(),
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 409]
        );
    }

    #[test]
    fn the_product_is_that_of_a_plain_sum() {
        let number =
            |seed: usize| (seed.wrapping_mul(0x9E37_79B9) >> 8 & 0xffff) as f32 / 32768.0 - 1.0;
        for (tokens, outputs, inputs) in
            [(1, 1, 1), (17, 3, 5), (64, 64, 64), (300, 130, 70), (1000, 96, 1500), (515, 16, 600)]
        {
            let grad: Vec<f32> = (0..tokens * outputs).map(number).collect();
            let input: Vec<f32> = (0..tokens * inputs).map(|i| number(i + 77)).collect();
            let factors = Factors { grad: &grad, input: &input, tokens, outputs, inputs };
            for set in InstructionSet::available() {
                let mut out = vec![f32::NAN; outputs * inputs];
                weight_gradient(&factors, &mut out, &plain::machine().by(set)).unwrap();
                for (place, &found) in out.iter().enumerate().step_by(37) {
                    let (output, column) = (place / inputs, place % inputs);
                    let products = (0..tokens).map(|token| {
                        f64::from(grad[token * outputs + output])
                            * f64::from(input[token * inputs + column])
                    });
                    let expected = products.sum::<f64>() as f32;
                    assert!((found - expected).abs() < TOLERANCE, "{place}: {found} {expected}");
                }
            }
        }
    }
}
