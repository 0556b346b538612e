//! Sixteen points of a query and head in AVX-512: from predictions to rows and factors.
//!
//! The plain code (`points.rs` at the root) writes every step to memory; here a group stays in registers.

use std::arch::x86_64::{
    __m512, __m512i, __mmask16, _CMP_GE_OQ, _CMP_GT_OQ, _CMP_LT_OQ, _mm512_add_epi32,
    _mm512_add_ps, _mm512_castsi512_si256, _mm512_cmp_ps_mask, _mm512_cvtepu16_epi32,
    _mm512_cvtne2ps_pbh, _mm512_cvttps_epi32, _mm512_extracti64x4_epi64, _mm512_fmadd_ps,
    _mm512_loadu_epi32, _mm512_mask_cmp_ps_mask, _mm512_maskz_mov_ps, _mm512_max_ps, _mm512_min_ps,
    _mm512_mul_ps, _mm512_mullo_epi32, _mm512_or_si512, _mm512_permutex2var_ps, _mm512_set1_ps,
    _mm512_setr_epi32, _mm512_slli_epi32, _mm512_storeu_epi32, _mm512_sub_ps,
};

use super::rounding::load;
use super::softmax::{floor, store};
use crate::instruction_set::InstructionSet;

/// Points of a group.
const LANES: usize = 16;

/// The maps of sixteen points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointMaps<'a> {
    /// Sizes of each point's map in cells.
    pub(crate) width: &'a [f32; LANES],
    pub(crate) height: &'a [f32; LANES],
    /// First cell of each point's map.
    pub(crate) start: &'a [i32; LANES],
}

/// Sixteen predicted points: x, then y.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PointsAround<'a> {
    /// Position of an offset of 0, in units of the whole map.
    pub(crate) centre: [&'a [f32; LANES]; 2],
    /// Scale of offsets in these units; one cell if it is `None`.
    pub(crate) extent: Option<[&'a [f32; LANES]; 2]>,
    pub(crate) offsets: &'a [f32; 2 * LANES],
    pub(crate) weights: &'a [f32; LANES],
}

/// Cells of the four corners of each point, and their bilinear weights times `weights`; 0 outside the map.
///
/// `at` is x and y in units of the whole map. `set` is as for [`softmax16`](super::softmax16).
#[inline(always)]
pub(crate) fn corners16(
    set: InstructionSet,
    maps: &PointMaps<'_>,
    at: [&[f32; LANES]; 2],
    weights: &[f32; LANES],
    cells: &mut [[i32; LANES]; 4],
    factors: [&mut [f32; LANES]; 4],
) {
    assert!(set.has_avx512(), "the machine has AVX-512");
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { corners_at(maps, at, weights, cells, factors) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn corners_at(
    maps: &PointMaps<'_>,
    [x, y]: [&[f32; LANES]; 2],
    weights: &[f32; LANES],
    cells: &mut [[i32; LANES]; 4],
    factors: [&mut [f32; LANES]; 4],
) {
    // Two roundings, as in the plain code: at the border of a cell they decide on which side of it a gradient is taken.
    let half = _mm512_set1_ps(0.5);
    let x = _mm512_sub_ps(_mm512_mul_ps(load(x), load(maps.width)), half);
    let y = _mm512_sub_ps(_mm512_mul_ps(load(y), load(maps.height)), half);
    let found = corners(maps, [x, y], load(weights), cells);
    for (to, factor) in factors.into_iter().zip(found) {
        store(to, factor);
    }
}

/// The same for predicted points; if `PAIRS`, the factors go to `pairs` instead, rounded to bfloat16: those of a left
/// corner in the lower halves, those of the right one in the upper.
///
/// `set` is as for [`softmax16`](super::softmax16), and for pairs as for [`round_to_bf16`](super::round_to_bf16).
#[inline(always)]
pub(crate) fn corners_around16<const PAIRS: bool>(
    set: InstructionSet,
    maps: &PointMaps<'_>,
    around: &PointsAround<'_>,
    cells: &mut [[i32; LANES]; 4],
    factors: [&mut [f32; LANES]; 4],
    pairs: &mut [[i32; LANES]; 2],
) {
    if PAIRS {
        assert!(set.has_avx512_bf16(), "the machine has AVX-512 with bf16");
        // SAFETY: `set` proves that the machine has these instructions.
        unsafe { corner_pairs_around(maps, around, cells, pairs) };
    } else {
        assert!(set.has_avx512(), "the machine has AVX-512");
        // SAFETY: `set` proves that the machine has these instructions.
        unsafe { corners_around(maps, around, cells, factors) };
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn corners_around(
    maps: &PointMaps<'_>,
    around: &PointsAround<'_>,
    cells: &mut [[i32; LANES]; 4],
    factors: [&mut [f32; LANES]; 4],
) {
    let found = corners(maps, place(maps, around), load(around.weights), cells);
    for (to, factor) in factors.into_iter().zip(found) {
        store(to, factor);
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn corner_pairs_around(
    maps: &PointMaps<'_>,
    around: &PointsAround<'_>,
    cells: &mut [[i32; LANES]; 4],
    pairs: &mut [[i32; LANES]; 2],
) {
    let [a, b, c, d] = corners(maps, place(maps, around), load(around.weights), cells);
    for (to, (left, right)) in pairs.iter_mut().zip([(a, b), (c, d)]) {
        // Rounded side by side, then interleaved lane by lane.
        let rounded = _mm512_cvtne2ps_pbh(right, left);
        // SAFETY: both are 512 bits without structure.
        let halves: __m512i = unsafe { std::mem::transmute(rounded) };
        let left = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(halves));
        let right = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64::<1>(halves));
        store_integers(to, _mm512_or_si512(left, _mm512_slli_epi32::<16>(right)));
    }
}

/// x and y of points in cells, 0 at the centre of the first.
///
/// For the forward pass only, where it does not matter to which side of a cell's border rounding moves a point.
#[target_feature(enable = "avx512f")]
#[inline]
fn place(maps: &PointMaps<'_>, around: &PointsAround<'_>) -> [__m512; 2] {
    let (low, high) = around.offsets.split_at(LANES);
    let half = |half: &[f32]| load(half.first_chunk().expect("half of 32 numbers is sixteen"));
    let (low, high) = (half(low), half(high));
    let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    let x = _mm512_permutex2var_ps(low, even, high);
    let y = _mm512_permutex2var_ps(low, odd, high);
    let [centre_x, centre_y] = around.centre.map(|centre| load(centre));
    let (w, h, minus_half) = (load(maps.width), load(maps.height), _mm512_set1_ps(-0.5));
    match around.extent.map(|extent| extent.map(|extent| load(extent))) {
        Some([width, height]) => [
            _mm512_fmadd_ps(_mm512_fmadd_ps(x, width, centre_x), w, minus_half),
            _mm512_fmadd_ps(_mm512_fmadd_ps(y, height, centre_y), h, minus_half),
        ],
        None => [
            _mm512_add_ps(_mm512_fmadd_ps(centre_x, w, minus_half), x),
            _mm512_add_ps(_mm512_fmadd_ps(centre_y, h, minus_half), y),
        ],
    }
}

/// Writes the cells of the corners, and returns their bilinear weights, for x and y in cells.
#[target_feature(enable = "avx512f")]
#[inline]
fn corners(
    maps: &PointMaps<'_>,
    [x, y]: [__m512; 2],
    weights: __m512,
    cells: &mut [[i32; LANES]; 4],
) -> [__m512; 4] {
    let (w, h) = (load(maps.width), load(maps.height));
    // Comparisons are false for NaN.
    let minus_one = _mm512_set1_ps(-1.0);
    let inside = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, minus_one);
    let inside = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(inside, x, w);
    let inside = _mm512_mask_cmp_ps_mask::<_CMP_GT_OQ>(inside, y, minus_one);
    let inside = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(inside, y, h);
    // Zero, or NaN for a non-finite location, which must stay visible in the sum.
    let nothing = _mm512_add_ps(_mm512_sub_ps(x, x), _mm512_sub_ps(y, y));
    let weights = _mm512_add_ps(weights, nothing);
    let columns = axis(_mm512_maskz_mov_ps(inside, x), w, inside);
    let rows = axis(_mm512_maskz_mov_ps(inside, y), h, inside);
    let (width, start) = (_mm512_cvttps_epi32(w), load_integers(maps.start));
    for (row, pair) in cells.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let first = _mm512_add_epi32(start, _mm512_mullo_epi32(rows.cells[row], width));
        for (to, column) in pair.iter_mut().zip(columns.cells) {
            store_integers(to, _mm512_add_epi32(first, column));
        }
    }
    let [left, right] = columns.weights;
    let [top, bottom] = rows.weights;
    [(left, top), (right, top), (left, bottom), (right, bottom)]
        .map(|(column, row)| _mm512_mul_ps(_mm512_mul_ps(column, row), weights))
}

/// The two cells of an axis around a location, and their weights, 0 outside the map.
struct Axis {
    cells: [__m512i; 2],
    weights: [__m512; 2],
}

#[target_feature(enable = "avx512f")]
#[inline]
fn axis(place: __m512, size: __m512, inside: __mmask16) -> Axis {
    let (zero, one) = (_mm512_set1_ps(0.0), _mm512_set1_ps(1.0));
    let low = floor(place);
    let weight = _mm512_sub_ps(place, low);
    let last = _mm512_sub_ps(size, one);
    let has_low = _mm512_mask_cmp_ps_mask::<_CMP_GE_OQ>(inside, low, zero);
    let has_high = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(inside, low, last);
    let high = _mm512_min_ps(_mm512_add_ps(low, one), last);
    Axis {
        cells: [_mm512_cvttps_epi32(_mm512_max_ps(low, zero)), _mm512_cvttps_epi32(high)],
        weights: [
            _mm512_maskz_mov_ps(has_low, _mm512_sub_ps(one, weight)),
            _mm512_maskz_mov_ps(has_high, weight),
        ],
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load_integers(from: &[i32; LANES]) -> __m512i {
    // SAFETY: these are sixteen numbers; their place need not be aligned.
    unsafe { _mm512_loadu_epi32(from.as_ptr()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store_integers(to: &mut [i32; LANES], register: __m512i) {
    // SAFETY: as in `store`.
    unsafe { _mm512_storeu_epi32(to.as_mut_ptr(), register) };
}
