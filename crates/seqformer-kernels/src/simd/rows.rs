//! Weighted sums of rows in AVX-512.
//!
//! The compiler does not reliably keep the sums in registers. A register holds 32 numbers of a bfloat16 row; those at
//! even and at odd positions are each converted to `f32` with one instruction.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_add_ps, _mm512_and_si512, _mm512_castsi512_ps,
    _mm512_dpbf16_ps, _mm512_fmadd_ps, _mm512_loadu_si512, _mm512_permutex2var_ps,
    _mm512_set1_epi32, _mm512_set1_ps, _mm512_setr_epi32, _mm512_setzero_ps, _mm512_slli_epi32,
    _mm512_storeu_ps, _mm512_unpackhi_epi16, _mm512_unpacklo_epi16,
};

use super::rounding::load;
use crate::bf16::Bf16;
use crate::instruction_set::InstructionSet;
use crate::lanes::Line;

/// `f32` numbers in a register.
const LANES: usize = 16;
/// Points of a group.
const POINTS: usize = 16;
/// Corners of a point.
const CORNERS: usize = 4;
/// bfloat16 numbers in a register.
const WIDE: usize = 2 * LANES;
/// Registers of the widest row of bfloat16 numbers.
const MOST_PARTS: usize = 2;
/// Registers of the widest row of `f32` numbers.
const MOST_F32_PARTS: usize = 4;

/// Adds to `sum` the rows of sixteen points' corners times their factors.
///
/// `W` is 32 or 64; the row of a corner is `cells[corner][point] * blocks + block`. `set` proves that the machine has
/// the instructions: it must include AVX-512.
///
/// # Panics
///
/// If a row does not exist.
#[inline(always)]
pub(crate) fn add_bf16_rows<const W: usize>(
    set: InstructionSet,
    sum: &mut [f32; W],
    rows: &[[Bf16; W]],
    [blocks, block]: [usize; 2],
    cells: &[[i32; POINTS]; CORNERS],
    factors: &[Line; CORNERS],
) {
    assert!(
        set.has_avx512() && W.is_multiple_of(WIDE) && W <= MOST_PARTS * WIDE,
        "the machine has AVX-512"
    );
    check(cells, [blocks, block], rows.len());
    // SAFETY: `set` proves that the machine has these instructions, and the rows are there.
    unsafe { add_rows::<W>(sum, rows, [blocks, block], cells, factors) }
}

/// The same for rows of `f32`; `W` is a multiple of 16 up to 64.
///
/// # Panics
///
/// If a row does not exist.
#[inline(always)]
pub(crate) fn add_f32_rows<const W: usize>(
    set: InstructionSet,
    sum: &mut [f32; W],
    rows: &[[f32; W]],
    [blocks, block]: [usize; 2],
    cells: &[[i32; POINTS]; CORNERS],
    factors: &[Line; CORNERS],
) {
    assert!(
        set.has_avx512() && W.is_multiple_of(LANES) && W <= MOST_F32_PARTS * LANES,
        "the machine has AVX-512"
    );
    check(cells, [blocks, block], rows.len());
    // SAFETY: `set` proves that the machine has these instructions, and the rows are there.
    unsafe { add_whole_rows::<W>(sum, rows, [blocks, block], cells, factors) }
}

/// Asserts that the rows exist.
#[inline(always)]
fn check(cells: &[[i32; POINTS]; CORNERS], [blocks, block]: [usize; 2], rows: usize) {
    let mut most = 0_u32;
    for cell in cells.as_flattened() {
        most = most.max(cell.cast_unsigned());
    }
    assert!(most as usize * blocks + block < rows, "cells lie on their map");
}

/// # Safety
///
/// `cells * blocks + block` are numbers of rows.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn add_whole_rows<const W: usize>(
    sum: &mut [f32; W],
    rows: &[[f32; W]],
    [blocks, block]: [usize; 2],
    cells: &[[i32; POINTS]; CORNERS],
    factors: &[Line; CORNERS],
) {
    // One accumulator per corner, so that additions rarely wait for each other.
    let mut sums = [[_mm512_setzero_ps(); CORNERS]; MOST_F32_PARTS];
    for point in 0..POINTS {
        for corner in 0..CORNERS {
            let row = cells[corner][point].cast_unsigned() as usize * blocks + block;
            // SAFETY: the row is there, as the caller promises.
            let row = unsafe { rows.get_unchecked(row) };
            let factor = _mm512_set1_ps(factors[corner][point]);
            for (part, numbers) in row.as_chunks::<LANES>().0.iter().enumerate() {
                sums[part][corner] = _mm512_fmadd_ps(load(numbers), factor, sums[part][corner]);
            }
        }
    }
    for (to, sums) in sum.chunks_exact_mut(LANES).zip(&sums) {
        add(to, total(sums));
    }
}

/// # Safety
///
/// `cells * blocks + block` are numbers of rows.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn add_rows<const W: usize>(
    sum: &mut [f32; W],
    rows: &[[Bf16; W]],
    [blocks, block]: [usize; 2],
    cells: &[[i32; POINTS]; CORNERS],
    factors: &[Line; CORNERS],
) {
    // One accumulator per corner, so that additions rarely wait for each other.
    let mut even = [[_mm512_setzero_ps(); CORNERS]; MOST_PARTS];
    let mut odd = [[_mm512_setzero_ps(); CORNERS]; MOST_PARTS];
    let upper_half = _mm512_set1_epi32(0xffff_0000_u32.cast_signed());
    for point in 0..POINTS {
        for corner in 0..CORNERS {
            let row = cells[corner][point].cast_unsigned() as usize * blocks + block;
            // SAFETY: the row is there, as the caller promises.
            let row = unsafe { rows.get_unchecked(row) };
            let factor = _mm512_set1_ps(factors[corner][point]);
            for part in 0..W / WIDE {
                // SAFETY: the part lies in the row.
                let part_of_row = unsafe { row.as_ptr().add(part * WIDE) };
                // SAFETY: the part is 64 bytes; their place need not be aligned.
                let pairs = unsafe { _mm512_loadu_si512(part_of_row.cast()) };
                let first = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs));
                let second = _mm512_castsi512_ps(_mm512_and_si512(pairs, upper_half));
                even[part][corner] = _mm512_fmadd_ps(first, factor, even[part][corner]);
                odd[part][corner] = _mm512_fmadd_ps(second, factor, odd[part][corner]);
            }
        }
    }
    for (part, to) in sum.as_chunks_mut::<WIDE>().0.iter_mut().enumerate() {
        let (first, second) = interleave(total(&even[part]), total(&odd[part]));
        add(&mut to[..LANES], first);
        add(&mut to[LANES..], second);
    }
}

/// Adds to `sum` the rows of sixteen points' corners times their factors, which are rounded to bfloat16: a left and a
/// right corner form one product.
///
/// `W` is 32 or 64; the row of a corner is `cells[corner][point]`, and its factors are those of
/// [`corners_around16`](super::corners_around16). `set` is as for [`round_to_bf16`].
///
/// # Panics
///
/// If a row does not exist.
#[inline(always)]
pub(crate) fn add_bf16_row_pairs<const W: usize>(
    set: InstructionSet,
    sum: &mut [f32; W],
    rows: &[[Bf16; W]],
    cells: &[[i32; POINTS]; CORNERS],
    pairs: &[[i32; POINTS]; CORNERS / 2],
) {
    assert!(
        set.has_avx512_bf16() && W.is_multiple_of(WIDE) && W <= MOST_PARTS * WIDE,
        "the machine has AVX-512 with bf16"
    );
    check(cells, [1, 0], rows.len());
    // SAFETY: `set` proves that the machine has these instructions, and the rows are there.
    unsafe { add_row_pairs::<W>(sum, rows, cells, pairs) }
}

/// # Safety
///
/// `cells` are numbers of rows.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
unsafe fn add_row_pairs<const W: usize>(
    sum: &mut [f32; W],
    rows: &[[Bf16; W]],
    cells: &[[i32; POINTS]; CORNERS],
    pairs: &[[i32; POINTS]; CORNERS / 2],
) {
    // Accumulators for the top and the bottom, of the first and the second four channels of each eight.
    let mut first = [[_mm512_setzero_ps(); CORNERS / 2]; MOST_PARTS];
    let mut second = [[_mm512_setzero_ps(); CORNERS / 2]; MOST_PARTS];
    for point in 0..POINTS {
        for line in 0..CORNERS / 2 {
            let factors = _mm512_set1_epi32(pairs[line][point]);
            for part in 0..W / WIDE {
                let numbers = |corner: usize| {
                    let row = cells[corner][point].cast_unsigned() as usize;
                    // SAFETY: the row is there, as the caller promises.
                    let row = unsafe { rows.get_unchecked(row) };
                    // SAFETY: the part lies in the row.
                    let part_of_row = unsafe { row.as_ptr().add(part * WIDE) };
                    // SAFETY: the part is 64 bytes; their place need not be aligned.
                    unsafe { _mm512_loadu_si512(part_of_row.cast()) }
                };
                let (left, right) = (numbers(2 * line), numbers(2 * line + 1));
                let low = _mm512_unpacklo_epi16(left, right);
                let high = _mm512_unpackhi_epi16(left, right);
                first[part][line] = add_products(first[part][line], low, factors);
                second[part][line] = add_products(second[part][line], high, factors);
            }
        }
    }
    for (part, to) in sum.as_chunks_mut::<WIDE>().0.iter_mut().enumerate() {
        let total = |[top, bottom]: [__m512; CORNERS / 2]| _mm512_add_ps(top, bottom);
        let (first, second) = (total(first[part]), total(second[part]));
        let low = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
        let high = _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
        add(&mut to[..LANES], _mm512_permutex2var_ps(first, low, second));
        add(&mut to[LANES..], _mm512_permutex2var_ps(first, high, second));
    }
}

/// `sum` plus the products of both numbers of each pair.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn add_products(sum: __m512, pairs: __m512i, factors: __m512i) -> __m512 {
    // SAFETY: all are 512 bits without structure.
    let (pairs, factors): (__m512bh, __m512bh) = unsafe { std::mem::transmute((pairs, factors)) };
    _mm512_dpbf16_ps(sum, pairs, factors)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn total(corners: &[__m512; CORNERS]) -> __m512 {
    let upper = _mm512_add_ps(corners[0], corners[1]);
    _mm512_add_ps(upper, _mm512_add_ps(corners[2], corners[3]))
}

/// Interleaves the numbers at even and odd positions.
#[target_feature(enable = "avx512f")]
#[inline]
fn interleave(even: __m512, odd: __m512) -> (__m512, __m512) {
    let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    (_mm512_permutex2var_ps(even, low, odd), _mm512_permutex2var_ps(even, high, odd))
}

#[target_feature(enable = "avx512f")]
#[inline]
fn add(to: &mut [f32], register: __m512) {
    let to: &mut [f32; LANES] = to.try_into().expect("the target is as long as a register");
    let sum = _mm512_add_ps(load(to), register);
    // SAFETY: the target is sixteen numbers; their place need not be aligned.
    unsafe { _mm512_storeu_ps(to.as_mut_ptr(), sum) };
}
