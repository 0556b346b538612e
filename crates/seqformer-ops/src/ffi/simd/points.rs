//! Sixteen points of a query and head in AVX-512: from what the network predicts to rows and factors.
//!
//! The plain code for it (`kernels/softmax.rs`, `kernels/points.rs`) writes every step to memory; here a group stays in
//! registers.

use std::arch::x86_64::{
    __m512, __m512i, __mmask16, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LT_OQ, _MM_FROUND_NO_EXC,
    _MM_FROUND_TO_NEG_INF, _mm512_add_epi32, _mm512_add_ps, _mm512_cmp_ps_mask,
    _mm512_cvttps_epi32, _mm512_fmadd_ps, _mm512_loadu_epi32, _mm512_mask_cmp_ps_mask,
    _mm512_maskz_mov_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps, _mm512_mullo_epi32,
    _mm512_reduce_add_ps, _mm512_reduce_max_ps, _mm512_roundscale_ps, _mm512_scalef_ps,
    _mm512_set1_ps, _mm512_storeu_epi32, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::super::InstructionSet;
use super::rows::load;

/// Points of a group.
const LANES: usize = 16;

/// The maps of sixteen points, and where the points lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointsAt<'a> {
    /// Sizes of each point's map in cells.
    pub(crate) width: &'a [f32; LANES],
    pub(crate) height: &'a [f32; LANES],
    /// First cell of each point's map.
    pub(crate) start: &'a [i32; LANES],
    /// (x, y) in units of the whole map.
    pub(crate) x: &'a [f32; LANES],
    pub(crate) y: &'a [f32; LANES],
}

/// `exp(logit) / Σ exp(logit)`.
///
/// `set` proves that the machine has the instructions: only a set with AVX-512 may be passed.
#[inline(always)]
pub(crate) fn softmax16(set: InstructionSet, logits: &[f32; LANES], weights: &mut [f32; LANES]) {
    assert!(set.has_avx512(), "the machine has AVX-512");
    // SAFETY: sets with AVX-512 exist only on machines that have these instructions.
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

/// `exp(x)` for `x <= 0` as `exp` in `kernels/softmax.rs`.
#[target_feature(enable = "avx512f")]
#[inline]
fn exp(x: __m512) -> __m512 {
    let constant = |value: f32| _mm512_set1_ps(value);
    // The second operand is the result where the other is not a number.
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
    _mm512_scalef_ps(_mm512_add_ps(mantissa, constant(1.0)), power)
}

/// Cells of the four corners of each point, and their bilinear shares times `weights`; 0 outside of the map.
///
/// `set` is as for [`softmax16`].
#[inline(always)]
pub(crate) fn corners16(
    set: InstructionSet,
    points: &PointsAt<'_>,
    weights: &[f32; LANES],
    cells: &mut [[i32; LANES]; 4],
    factors: [&mut [f32; LANES]; 4],
) {
    assert!(set.has_avx512(), "the machine has AVX-512");
    // SAFETY: sets with AVX-512 exist only on machines that have these instructions.
    unsafe { corners(points, weights, cells, factors) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn corners(
    points: &PointsAt<'_>,
    weights: &[f32; LANES],
    cells: &mut [[i32; LANES]; 4],
    factors: [&mut [f32; LANES]; 4],
) {
    let (w, h) = (load(points.width), load(points.height));
    let half = _mm512_set1_ps(0.5);
    let x = _mm512_sub_ps(_mm512_mul_ps(load(points.x), w), half);
    let y = _mm512_sub_ps(_mm512_mul_ps(load(points.y), h), half);
    // Comparisons are false where there is no number.
    let minus_one = _mm512_set1_ps(-1.0);
    let inside = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, minus_one);
    let inside = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(inside, x, w);
    let inside = _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(inside, y, minus_one);
    let inside = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(inside, y, h);
    let columns = axis(_mm512_maskz_mov_ps(inside, x), w, inside);
    let rows = axis(_mm512_maskz_mov_ps(inside, y), h, inside);
    let (width, start) = (_mm512_cvttps_epi32(w), load_integers(points.start));
    let weights = load(weights);
    for (row, pair) in cells.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let first = _mm512_add_epi32(start, _mm512_mullo_epi32(rows.cells[row], width));
        for (to, column) in pair.iter_mut().zip(columns.cells) {
            store_integers(to, _mm512_add_epi32(first, column));
        }
    }
    for (corner, to) in factors.into_iter().enumerate() {
        let share = _mm512_mul_ps(columns.shares[corner % 2], rows.shares[corner / 2]);
        store(to, _mm512_mul_ps(share, weights));
    }
}

/// The two cells of an axis around a place, and their shares, 0 outside of the map.
struct Axis {
    cells: [__m512i; 2],
    shares: [__m512; 2],
}

#[target_feature(enable = "avx512f")]
#[inline]
fn axis(place: __m512, size: __m512, inside: __mmask16) -> Axis {
    let (zero, one) = (_mm512_set1_ps(0.0), _mm512_set1_ps(1.0));
    let low = floor(place);
    let share = _mm512_sub_ps(place, low);
    let last = _mm512_sub_ps(size, one);
    let has_low = _mm512_mask_cmp_ps_mask::<_CMP_GE_OQ>(inside, low, zero);
    let has_high = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(inside, low, last);
    let high = _mm512_min_ps(_mm512_add_ps(low, one), last);
    Axis {
        cells: [_mm512_cvttps_epi32(_mm512_max_ps(low, zero)), _mm512_cvttps_epi32(high)],
        shares: [
            _mm512_maskz_mov_ps(has_low, _mm512_sub_ps(one, share)),
            _mm512_maskz_mov_ps(has_high, share),
        ],
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn floor(x: __m512) -> __m512 {
    _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(x)
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_integers(from: &[i32; LANES]) -> __m512i {
    // SAFETY: these are sixteen numbers; their place need not be aligned.
    unsafe { _mm512_loadu_epi32(from.as_ptr()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(to: &mut [f32; LANES], register: __m512) {
    // SAFETY: the target is sixteen numbers; its place need not be aligned.
    unsafe { _mm512_storeu_ps(to.as_mut_ptr(), register) };
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store_integers(to: &mut [i32; LANES], register: __m512i) {
    // SAFETY: as in `store`.
    unsafe { _mm512_storeu_epi32(to.as_mut_ptr(), register) };
}
