//! Rows times a panel of a matrix in AVX-512, with the epilogue applied while sums are in registers.
//!
//! Six rows by 64 columns are 24 registers of sums; four more hold a line of the panel and one holds a number of a row.
//! That keeps both multipliers busy: products reach the rate of the hardware, while oneDNN's micro-kernels reach 85 to
//! 90 % of it.

#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the pointers of a product are checked together, before the first of them is used"
)]

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _MM_HINT_T0, _mm_prefetch, _mm256_loadu_si256, _mm512_add_ps,
    _mm512_castsi512_ps, _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps,
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_slli_epi32, _mm512_storeu_ps, _mm512_storeu_si512,
};

use crate::bf16::Bf16;
use crate::instruction_set::InstructionSet;
use crate::panel::{PANEL, PanelOut, PanelProduct, PanelSums};
use crate::prefetch::prefetch_lines;

use super::panel_work::{Out, Work};

/// `f32` numbers in a register.
pub(super) const LANES: usize = 16;
/// Registers of a row of sums.
pub(super) const PARTS: usize = PANEL / LANES;
/// Rows that are multiplied together.
pub(super) const TOGETHER: usize = 6;
/// Lines of the panel that are prefetched ahead: a panel larger than the first-level cache comes from the second for every
/// few rows, and without this takes a sixth longer on Intel.
const AHEAD: usize = 8;

/// Multiplies `f32` numbers; `set` proves that the machine has the instructions: it must include AVX-512.
#[inline]
pub(crate) fn multiply_f32_panel(
    set: InstructionSet,
    product: &PanelProduct<'_, f32>,
    sums: PanelSums<'_, f32>,
) {
    assert!(set.has_avx512(), "the machine has AVX-512");
    let (PanelOut::Exact(out) | PanelOut::Rounded(out)) = sums.out;
    let out = PanelOut::Exact(out);
    let work = Work::new(product, product.panel.len() / PANEL, PanelSums { out, ..sums });
    // SAFETY: `set` proves that the machine has these instructions, and all pointers of `work` are valid.
    unsafe { multiply_f32(&work) }
}

/// Multiplies pairs of bfloat16 numbers; `set` proves that the machine has the instructions: it must include AVX-512
/// with bfloat16.
#[inline]
pub(crate) fn multiply_bf16_panel(
    set: InstructionSet,
    product: &PanelProduct<'_, Bf16>,
    sums: PanelSums<'_, Bf16>,
) {
    assert!(set.has_avx512_bf16(), "the machine has AVX-512 with bf16");
    let work = Work::new(product, product.panel.len() / PANEL / 2, sums);
    // SAFETY: `set` proves that the machine has these instructions, and all pointers of `work` are valid.
    unsafe { multiply_bf16(&work) }
}

/// A kernel for one kind of factors.
macro_rules! panel_kernel {
    ($kernel:ident, $rows:ident, $sum:ident, $finish:ident, $features:literal, $add:ident, $round:ident) => {
        /// # Safety
        ///
        /// The pointers are valid for the sizes beside them.
        #[target_feature(enable = $features)]
        #[inline]
        unsafe fn $kernel(work: &Work) {
            for first in (0..work.height).step_by(TOGETHER) {
                // SAFETY: as the caller promises; there are so many rows from `first` on.
                unsafe {
                    match work.height - first {
                        1 => $rows::<1>(work, first),
                        2 => $rows::<2>(work, first),
                        3 => $rows::<3>(work, first),
                        4 => $rows::<4>(work, first),
                        5 => $rows::<5>(work, first),
                        _ => $rows::<TOGETHER>(work, first),
                    }
                }
            }
        }

        /// # Safety
        ///
        /// The pointers are valid for the sizes beside them, and there are `R` rows from `first` on.
        #[target_feature(enable = $features)]
        #[inline]
        unsafe fn $rows<const R: usize>(work: &Work, first: usize) {
            // SAFETY: as the caller promises.
            unsafe {
                let bias: [__m512; PARTS] =
                    std::array::from_fn(|part| _mm512_loadu_ps(work.bias.add(part * LANES)));
                prefetch_out::<R>(work, first + R);
                let sums = $sum::<R>(work, first, [bias; R]);
                $finish::<R>(work, first, &sums);
            }
        }

        /// Adds the product to `sums`.
        ///
        /// # Safety
        ///
        /// As for the rows.
        #[target_feature(enable = $features)]
        #[inline]
        pub(super) unsafe fn $sum<const R: usize>(
            work: &Work,
            first: usize,
            mut sums: [[__m512; PARTS]; R],
        ) -> [[__m512; PARTS]; R] {
            // SAFETY: as the caller promises.
            unsafe {
                let start = work.rows.byte_add(first * work.stride);
                for first_group in (0..work.groups).step_by(LANES) {
                    // Prefetch a line of each of the next rows.
                    for row in R..2 * R {
                        let next = start.wrapping_byte_add(row * work.stride);
                        _mm_prefetch::<_MM_HINT_T0>(next.wrapping_add(first_group).cast());
                    }
                    for group in first_group..work.groups.min(first_group + LANES) {
                        let line: [__m512; PARTS] = std::array::from_fn(|part| {
                            _mm512_loadu_ps(work.panel.add(group * PANEL + part * LANES).cast())
                        });
                        let ahead = work.panel.wrapping_add((group + AHEAD) * PANEL);
                        prefetch_lines(ahead, PANEL);
                        for row in 0..R {
                            let from = start.byte_add(row * work.stride).add(group);
                            let number = _mm512_set1_epi32(from.read_unaligned());
                            for part in 0..PARTS {
                                sums[row][part] = $add(sums[row][part], number, line[part]);
                            }
                        }
                    }
                }
                sums
            }
        }

        /// # Safety
        ///
        /// As for the rows.
        #[target_feature(enable = $features)]
        #[inline]
        pub(super) unsafe fn $finish<const R: usize>(
            work: &Work,
            first: usize,
            sums: &[[__m512; PARTS]; R],
        ) {
            // SAFETY: as the caller promises.
            unsafe {
                let least = _mm512_set1_ps(if work.relu { 0.0 } else { f32::NEG_INFINITY });
                for row in 0..R {
                    let offset = (first + row) * work.out_stride;
                    let mut sums = sums[row];
                    if work.add {
                        for part in 0..PARTS {
                            let held = match work.out {
                                Out::Exact(out) => _mm512_loadu_ps(out.add(offset + part * LANES)),
                                Out::Rounded(out) => load_bf16(out.add(offset + part * LANES)),
                            };
                            sums[part] = _mm512_add_ps(sums[part], held);
                        }
                    }
                    for part in 0..PARTS {
                        // The second operand is the result if the other is NaN, which thus stays visible.
                        sums[part] = _mm512_max_ps(least, sums[part]);
                    }
                    match work.out {
                        Out::Exact(out) => {
                            for part in 0..PARTS {
                                _mm512_storeu_ps(out.add(offset + part * LANES), sums[part]);
                            }
                        }
                        Out::Rounded(out) => {
                            for half in 0..PARTS / 2 {
                                let to = out.add(offset + half * 2 * LANES);
                                $round(sums[2 * half], sums[2 * half + 1], to);
                            }
                        }
                    }
                }
            }
        }
    };
}

panel_kernel!(multiply_f32, f32_rows, sum_f32, finish_f32, "avx512f", add_numbers, write_numbers);
panel_kernel!(
    multiply_bf16,
    bf16_rows,
    sum_bf16,
    finish_bf16,
    "avx512f,avx512bf16",
    add_pairs,
    write_rounded
);

/// `sum += number * line`
#[target_feature(enable = "avx512f")]
#[inline]
fn add_numbers(sum: __m512, number: __m512i, line: __m512) -> __m512 {
    _mm512_fmadd_ps(_mm512_castsi512_ps(number), line, sum)
}

/// `sum += pair · line`
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn add_pairs(sum: __m512, pair: __m512i, line: __m512) -> __m512 {
    // SAFETY: registers have no structure.
    let (pair, line): (__m512bh, __m512bh) = unsafe { std::mem::transmute((pair, line)) };
    _mm512_dpbf16_ps(sum, pair, line)
}

/// `f32` sums need no rounding: [`Work::new`] gets no such output.
#[target_feature(enable = "avx512f")]
#[inline]
fn write_numbers(_low: __m512, _high: __m512, _to: *mut u16) {}

/// # Safety
///
/// There is room for 32 numbers.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
unsafe fn write_rounded(low: __m512, high: __m512, to: *mut u16) {
    // SAFETY: as the caller promises; registers have no structure.
    unsafe {
        let rounded: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(high, low));
        _mm512_storeu_si512(to.cast(), rounded);
    }
}

/// Prefetches the outputs of some rows.
#[inline(always)]
fn prefetch_out<const R: usize>(work: &Work, first: usize) {
    for row in first..first + R {
        let offset = row * work.out_stride;
        match work.out {
            Out::Exact(out) => prefetch_lines(out.wrapping_add(offset), PANEL),
            Out::Rounded(out) => prefetch_lines(out.wrapping_add(offset), PANEL),
        }
    }
}

/// # Safety
///
/// There are sixteen numbers.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn load_bf16(from: *const u16) -> __m512 {
    // SAFETY: as the caller promises.
    unsafe {
        let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
    }
}
