//! Rounding to bfloat16 in AVX-512.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_add_ps, _mm512_cvtne2ps_pbh, _mm512_loadu_ps, _mm512_max_ps,
    _mm512_set1_ps, _mm512_storeu_ps, _mm512_storeu_si512,
};

use crate::bf16::Bf16;
use crate::instruction_set::InstructionSet;

/// `f32` numbers in a register.
const LANES: usize = 16;
/// bfloat16 numbers in a register.
const WIDE: usize = 2 * LANES;

/// Rounds whole registers of `from` to nearest, ties to even, and returns the number of elements processed.
///
/// Subnormal numbers become zero. `set` proves that the machine has the instructions: it must include AVX-512 with
/// bfloat16.
#[inline(always)]
pub(crate) fn round_to_bf16(set: InstructionSet, from: &[f32], to: &mut [Bf16]) -> usize {
    assert!(set.has_avx512_bf16(), "the machine has AVX-512 with bf16");
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { round(from, to) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn round(from: &[f32], to: &mut [Bf16]) -> usize {
    let (from, to) = (from.as_chunks::<WIDE>().0, to.as_chunks_mut::<WIDE>().0);
    for (from, to) in from.iter().zip(&mut *to) {
        let (low, high) = from.split_at(LANES);
        let half = |half: &[f32]| load(half.first_chunk().expect("half of 32 numbers is sixteen"));
        store(to, _mm512_cvtne2ps_pbh(half(high), half(low)));
    }
    from.len().min(to.len()) * WIDE
}

/// Copies `numbers` to `copy`, rounds `numbers + others` as [`round_to_bf16`], and returns the number of elements
/// processed.
///
/// `set` is as for it.
#[inline(always)]
pub(crate) fn copy_and_round_sum_to_bf16(
    set: InstructionSet,
    [numbers, others]: [&[f32]; 2],
    copy: &mut [f32],
    to: &mut [Bf16],
) -> usize {
    assert!(set.has_avx512_bf16(), "the machine has AVX-512 with bf16");
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { copy_and_round_sum(numbers, others, copy, to) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn copy_and_round_sum(numbers: &[f32], others: &[f32], copy: &mut [f32], to: &mut [Bf16]) -> usize {
    let (numbers, others) = (numbers.as_chunks::<WIDE>().0, others.as_chunks::<WIDE>().0);
    let (copies, to) = (copy.as_chunks_mut::<WIDE>().0, to.as_chunks_mut::<WIDE>().0);
    let mut done = 0;
    for (((numbers, others), copy), to) in numbers.iter().zip(others).zip(copies).zip(to) {
        let (numbers, others) = (numbers.as_chunks::<LANES>().0, others.as_chunks::<LANES>().0);
        let (low, high) = (load(&numbers[0]), load(&numbers[1]));
        let (low_sum, high_sum) =
            (_mm512_add_ps(low, load(&others[0])), _mm512_add_ps(high, load(&others[1])));
        store(to, _mm512_cvtne2ps_pbh(high_sum, low_sum));
        for (copy, register) in copy.as_chunks_mut::<LANES>().0.iter_mut().zip([low, high]) {
            // SAFETY: the target is sixteen numbers; its place need not be aligned.
            unsafe { _mm512_storeu_ps(copy.as_mut_ptr(), register) };
        }
        done += WIDE;
    }
    done
}

/// Adds `bias` to `sums`, with optional ReLU, and rounds as [`round_to_bf16`].
///
/// `set` is as for it; `W` is a multiple of 32.
#[inline(always)]
pub(crate) fn round_sums_to_bf16<const W: usize>(
    set: InstructionSet,
    sums: &[f32; W],
    bias: &[f32; W],
    relu: bool,
    to: &mut [Bf16; W],
) {
    assert!(set.has_avx512_bf16() && W.is_multiple_of(WIDE), "the machine has AVX-512 with bf16");
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { round_sums(sums, bias, relu, to) }
}

#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn round_sums<const W: usize>(sums: &[f32; W], bias: &[f32; W], relu: bool, to: &mut [Bf16; W]) {
    let least = _mm512_set1_ps(if relu { 0.0 } else { f32::NEG_INFINITY });
    let (sums, bias) = (sums.as_chunks::<LANES>().0, bias.as_chunks::<LANES>().0);
    let finished = |part: usize| {
        let sum = _mm512_add_ps(load(&sums[part]), load(&bias[part]));
        // The second operand is the result if the other is NaN, which thus stays visible.
        _mm512_max_ps(least, sum)
    };
    for (number, to) in to.as_chunks_mut::<WIDE>().0.iter_mut().enumerate() {
        store(to, _mm512_cvtne2ps_pbh(finished(2 * number + 1), finished(2 * number)));
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn load(from: &[f32; LANES]) -> __m512 {
    // SAFETY: these are sixteen numbers; their place need not be aligned.
    unsafe { _mm512_loadu_ps(from.as_ptr()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(to: &mut [Bf16; WIDE], rounded: __m512bh) {
    // SAFETY: both are 64 bytes of numbers without structure.
    let rounded: __m512i = unsafe { std::mem::transmute(rounded) };
    // SAFETY: the target is 64 bytes; their place need not be aligned.
    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), rounded) };
}
