//! Exponentials in AVX-512.

use std::arch::x86_64::{
    __m512, _CMP_NLT_UQ, _MM_FROUND_NO_EXC, _MM_FROUND_TO_NEG_INF, _mm512_add_ps,
    _mm512_cmp_ps_mask, _mm512_fmadd_ps, _mm512_maskz_scalef_ps, _mm512_max_ps, _mm512_mul_ps,
    _mm512_reduce_add_ps, _mm512_reduce_max_ps, _mm512_roundscale_ps, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::rounding::load;
use crate::instruction_set::InstructionSet;
use crate::scalar::LEAST_EXPONENT;

/// Numbers of a register.
const LANES: usize = 16;

/// `exp(logit) / Σ exp(logit)`.
///
/// `set` proves that the machine has the instructions: it must include AVX-512.
#[inline(always)]
pub(crate) fn softmax16(set: InstructionSet, logits: &[f32; LANES], weights: &mut [f32; LANES]) {
    assert!(set.has_avx512(), "the machine has AVX-512");
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { softmax(logits, weights) }
}

#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn softmax(logits: &[f32; LANES], weights: &mut [f32; LANES]) {
    let logits = load(logits);
    let most = _mm512_set1_ps(_mm512_reduce_max_ps(logits));
    let weight = exp(_mm512_sub_ps(logits, most));
    let scale = _mm512_set1_ps(1.0 / _mm512_reduce_add_ps(weight));
    store(weights, _mm512_mul_ps(weight, scale));
}

/// `exp(x)` for `x <= 0` as `exp` in `softmax.rs` at the root.
#[target_feature(enable = "avx512f")]
#[inline]
fn exp(x: __m512) -> __m512 {
    let constant = |value: f32| _mm512_set1_ps(value);
    // True for NaN.
    let counts = _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(x, constant(LEAST_EXPONENT));
    // The second operand is the result if the other is NaN.
    let x = _mm512_max_ps(constant(-87.0), x);
    let power = _mm512_mul_ps(x, constant(std::f32::consts::LOG2_E));
    let power = floor(_mm512_add_ps(power, constant(0.5)));
    let rest = _mm512_fmadd_ps(power, constant(-0.693_359_4), x);
    let rest = _mm512_fmadd_ps(power, constant(2.121_944_4e-4), rest);
    let mut sum = constant(1.987_569_2e-4);
    for factor in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1] {
        sum = _mm512_fmadd_ps(sum, rest, constant(factor));
    }
    let mantissa = _mm512_fmadd_ps(sum, _mm512_mul_ps(rest, rest), rest);
    _mm512_maskz_scalef_ps(counts, _mm512_add_ps(mantissa, constant(1.0)), power)
}

/// Replaces logits with `exp(logit - most)`, and returns their sum; those after the last whole register stay unchanged.
///
/// `set` is as for [`softmax16`].
#[inline(always)]
pub(crate) fn exponentials16(set: InstructionSet, logits: &mut [f32], most: f32) -> f32 {
    assert!(set.has_avx512(), "the machine has AVX-512");
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { exponentials(logits, most) }
}

#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn exponentials(logits: &mut [f32], most: f32) -> f32 {
    let most = _mm512_set1_ps(most);
    let mut sum = _mm512_setzero_ps();
    for logits in logits.as_chunks_mut::<LANES>().0 {
        let exponential = exp(_mm512_sub_ps(load(logits), most));
        sum = _mm512_add_ps(sum, exponential);
        store(logits, exponential);
    }
    _mm512_reduce_add_ps(sum)
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn floor(x: __m512) -> __m512 {
    _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(x)
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(super) fn store(to: &mut [f32; LANES], register: __m512) {
    // SAFETY: the target is sixteen numbers; its place need not be aligned.
    unsafe { _mm512_storeu_ps(to.as_mut_ptr(), register) };
}
