//! Scalar steps that the compiler would not vectorize or would split.

/// Below this, exponentials are zero in single precision.
pub(crate) const LEAST_EXPONENT: f32 = -103.972_08;

/// `value` without its fraction; negative numbers and NaN become 0, huge ones 2³⁰.
#[inline(always)]
pub(crate) fn truncate(value: f32) -> i32 {
    const LARGEST: f32 = (1_u32 << 30) as f32;
    // Not `clamp`, which keeps NaN.
    let value = value.max(0.0);
    let value = if value < LARGEST { value } else { LARGEST };
    // SAFETY: a number from 0 to 2³⁰ fits; the plain conversion checks that again and is not vectorised.
    unsafe { value.to_int_unchecked() }
}

/// The sum of sixteen numbers, by halving.
#[inline(always)]
pub(crate) fn sum16(lanes: &[f32; 16]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has SSE.
    return unsafe { sum16_sse(lanes) };
    #[cfg(not(target_arch = "x86_64"))]
    {
        let mut four = [0.0; 4];
        for j in 0..4 {
            four[j] = (lanes[j] + lanes[j + 8]) + (lanes[j + 4] + lanes[j + 12]);
        }
        (four[0] + four[2]) + (four[1] + four[3])
    }
}

/// With explicit vectors, because the compiler splits the loop into steps of two numbers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse")]
#[inline]
fn sum16_sse(lanes: &[f32; 16]) -> f32 {
    use std::arch::x86_64::{
        __m128, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_setr_ps, _mm_shuffle_ps,
    };
    let [a, b, c, d]: [__m128; 4] = std::array::from_fn(|part| {
        let lanes = &lanes[4 * part..4 * part + 4];
        _mm_setr_ps(lanes[0], lanes[1], lanes[2], lanes[3])
    });
    let four = _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}
