//! What the compiler does not find by itself, in vectors by name.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod panels;
#[cfg(target_arch = "x86_64")]
mod points;
#[cfg(target_arch = "x86_64")]
mod rounding;
#[cfg(target_arch = "x86_64")]
mod rows;
#[cfg(target_arch = "x86_64")]
mod softmax;
#[cfg(target_arch = "x86_64")]
mod tiles;

#[cfg(target_arch = "x86_64")]
pub(crate) use rounding::{copy_and_round_sum_to_bf16, round_sums_to_bf16, round_to_bf16};
#[cfg(target_arch = "x86_64")]
pub(crate) use rows::{add_bf16_row_pairs, add_bf16_rows, add_f32_rows};

#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::{add_group_gradients, split_pairs, turn_square};
#[cfg(target_arch = "x86_64")]
pub(super) use panels::{multiply_bf16_panel, multiply_f32_panel};
#[cfg(target_arch = "x86_64")]
pub(crate) use points::{PointMaps, PointsAround, corners_around16, corners16};
#[cfg(target_arch = "x86_64")]
pub(crate) use softmax::{exponentials16, softmax16};
#[cfg(target_arch = "x86_64")]
pub(crate) use tiles::{Bf16Tiles, PlanesAt};

/// Bytes of a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// The values of a head, and their gradient: a block of the channels of cell `c` is row `c * blocks + block`.
#[derive(Debug)]
pub(crate) struct HeadRows<'a, const W: usize> {
    pub(crate) values: &'a [[f32; W]],
    pub(crate) gradients: &'a mut [[f32; W]],
    pub(crate) blocks: usize,
    pub(crate) block: usize,
}

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

/// The sum of sixteen numbers, by halves.
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

/// In vectors by name: the compiler takes the loop apart into steps of two numbers.
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

/// Asks for `length` elements from `first` on to be brought into the cache; any position is fine.
#[inline(always)]
pub(crate) fn prefetch<T>(slice: &[T], first: usize, length: usize) {
    if let Some(part) = slice.get(first..first + length) {
        prefetch_lines(part.as_ptr(), length);
    }
}

/// As [`prefetch`], by address, of which nothing is read.
#[inline(always)]
pub(crate) fn prefetch_lines<T>(start: *const T, length: usize) {
    #[cfg(target_arch = "x86_64")]
    for first in (0..length).step_by((LINE / size_of::<T>()).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let line = start.wrapping_add(first).cast();
        // SAFETY: the machine has SSE, as every x86-64 has; a prefetch reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
    }
}

/// Asks for the rows of some cells to be brought into the cache; any number of a cell is fine.
#[inline(always)]
pub(crate) fn prefetch_rows<R>(rows: &[R], cells: &[i32]) {
    for &cell in cells {
        let row = rows.as_ptr().wrapping_add(cell as usize);
        prefetch_lines(row.cast::<u8>(), size_of::<R>());
    }
}
