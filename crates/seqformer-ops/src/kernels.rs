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
pub(crate) mod deformable_layer;
pub(crate) mod dropout;
mod exponential;
mod forward;
mod head;
pub(crate) mod head_values;
pub(crate) mod linear;
pub(crate) mod packed;
mod points;
mod reading;
mod samples;
pub(crate) mod weight_gradient;
pub(crate) mod winograd;

pub(crate) use samples::{Samples, Shares};

use points::{CORNERS, Lanes};

pub(crate) use points::Line;

use crate::LevelSize;
use crate::ffi::{DisjointRows, num_threads, parallel_for, run_vectorized};
#[cfg(target_arch = "x86_64")]
use crate::ffi::{add_bf16_rows, add_f32_rows, round_sums_to_bf16, round_to_bf16};

/// Values that a kernel reads and writes; sums are always `f32`.
pub(crate) trait Element: Copy + Send + Sync + 'static {
    fn to_f32(self) -> f32;
    fn from_f32(value: f32) -> Self;

    /// Rounds the numbers of `from` into as many of `to`.
    #[inline(always)]
    fn round(_set: InstructionSet, from: &[f32], to: &mut [Self]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to = Self::from_f32(*from);
        }
    }

    /// Rounds `sums + bias` into as many of `to`, negative numbers to zero if asked for; the sums are lost.
    #[inline(always)]
    fn round_sums<const W: usize>(
        set: InstructionSet,
        sums: &mut [f32; W],
        bias: &[f32; W],
        relu: bool,
        to: &mut [Self],
    ) {
        finish(sums, bias, relu);
        Self::round(set, sums, to);
    }

    /// Adds the weighted rows of one group of points to the `W` channels of a block of channels; the row of a corner
    /// is number `cell * blocks + block`.
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    );
}

impl Element for f32 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    ) {
        #[cfg(target_arch = "x86_64")]
        if set.has_avx512() && matches!(W, 16 | 32 | 64) {
            return add_f32_rows::<W>(set, sum, rows, of, cells, factors);
        }
        forward::add_group::<Self, W, FMA>(sum, rows, of, cells, factors);
    }
}

/// A bfloat16 number: the upper half of an `f32`.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Bf16(u16);

impl Element for Bf16 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// Rounds to the nearest, ties to even, as libtorch does.
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        if value.is_nan() {
            return Self(0x7fc0);
        }
        let bits = value.to_bits();
        Self(((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16)
    }

    #[inline(always)]
    fn round(set: InstructionSet, from: &[f32], to: &mut [Self]) {
        #[cfg(target_arch = "x86_64")]
        let done = if set == InstructionSet::Avx512Bf16 { round_to_bf16(set, from, to) } else { 0 };
        #[cfg(not(target_arch = "x86_64"))]
        let done = 0;
        for (to, from) in to.iter_mut().zip(from).skip(done) {
            *to = Self::from_f32(*from);
        }
    }

    #[inline(always)]
    fn round_sums<const W: usize>(
        set: InstructionSet,
        sums: &mut [f32; W],
        bias: &[f32; W],
        relu: bool,
        to: &mut [Self],
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Ok(to) = to.try_into()
            && set == InstructionSet::Avx512Bf16
            && W.is_multiple_of(32)
        {
            return round_sums_to_bf16::<W>(set, sums, bias, relu, to);
        }
        finish(sums, bias, relu);
        Self::round(set, sums, to);
    }

    #[inline(always)]
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    ) {
        #[cfg(target_arch = "x86_64")]
        if set.has_avx512() && matches!(W, 32 | 64) {
            return add_bf16_rows::<W>(set, sum, rows, of, cells, factors);
        }
        forward::add_group::<Self, W, FMA>(sum, rows, of, cells, factors);
    }
}

/// Adds the bias to sums, and makes negative numbers zero if asked for.
#[inline(always)]
fn finish<const W: usize>(sums: &mut [f32; W], bias: &[f32; W], relu: bool) {
    let least = if relu { 0.0 } else { f32::NEG_INFINITY };
    for (sum, bias) in sums.iter_mut().zip(bias) {
        let value = *sum + bias;
        *sum = if value < least { least } else { value };
    }
}

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
    pub(crate) value: DisjointRows<'a, T>,
    /// Of the locations or offsets, `[N, Q, M, L, P, 2]`.
    pub(crate) places: DisjointRows<'a, f32>,
    /// Of the weights or logits, `[N, Q, M, L, P]`.
    pub(crate) weights: DisjointRows<'a, f32>,
}

/// A part of the work: some queries of one head of one clip.
#[derive(Debug, Clone, Copy)]
struct Task {
    clip: usize,
    head: usize,
    first_query: usize,
    num_queries: usize,
}

/// The instruction sets that the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstructionSet {
    /// AVX-512 with products of bfloat16 numbers.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Baseline,
}

impl InstructionSet {
    /// The best that this machine has.
    pub(crate) fn detect() -> Self {
        Self::available()[0]
    }

    /// All that this machine has, best first.
    pub(crate) fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl");
            if fma && wide && is_x86_feature_detected!("avx512bf16") {
                found.push(Self::Avx512Bf16);
            }
            if fma && wide {
                found.push(Self::Avx512);
            }
            if fma {
                found.push(Self::Avx2);
            }
        }
        found.push(Self::Baseline);
        found
    }

    /// Whether AVX-512 is part of the set.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(crate) fn has_avx512(self) -> bool {
        matches!(self, Self::Avx512Bf16 | Self::Avx512)
    }
}

/// Tasks of `queries` that are worth waking a thread for.
fn grain(shape: &Shape, queries: usize) -> usize {
    const MIN_READS: usize = 1 << 15;
    let reads = queries * shape.samples() + shape.tokens;
    (MIN_READS / (reads * shape.channels.div_ceil(16)).max(1)).max(1)
}

/// Sums the sampled values into `out`, `[N, Q, M * D]`.
pub(crate) fn forward<T: Element>(
    inputs: &Inputs<'_, T>,
    out: &DisjointRows<'_, T>,
    set: InstructionSet,
) {
    let shape = inputs.shape;
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
    gradients: &Gradients<'_, T>,
    set: InstructionSet,
) {
    let shape = inputs.shape;
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
mod tests;
