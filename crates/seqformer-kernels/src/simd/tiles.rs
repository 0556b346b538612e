//! Winograd's transforms of `bf16` tiles in AVX-512.
//!
//! Rounding to bfloat16 is one instruction here and seven elsewhere, and a whole tile stays in registers. Subnormal
//! numbers become zero, as they do in the products; otherwise the results are those of the plain code.

use std::any::TypeId;
use std::arch::x86_64::{
    __m256i, __m512, _mm256_loadu_si256, _mm256_storeu_si256, _mm512_add_ps, _mm512_castsi512_ps,
    _mm512_cvtepu16_epi32, _mm512_cvtneps_pbh, _mm512_loadu_ps, _mm512_max_ps, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_slli_epi32, _mm512_sub_ps,
};

use crate::bf16::Bf16;

/// Numbers in a register.
const LANES: usize = 16;
/// Rows and columns of the input of a tile.
const SIDE: usize = 4;
/// Positions of a tile.
const POSITIONS: usize = SIDE * SIDE;

/// Proof that the machine has AVX-512 with conversions to `bf16`.
#[derive(Debug, Clone, Copy)]
pub struct Bf16Tiles(());

/// Matrices of one size, one per position of a tile.
#[derive(Debug)]
pub(crate) struct PlanesAt<S> {
    pub(crate) elements: S,
    /// Distance between matrices.
    pub(crate) stride: usize,
    /// Offset of the tile in the first.
    pub(crate) first: usize,
}

impl Bf16Tiles {
    /// The proof, if the machine has the instructions and the numbers are `bf16`.
    pub fn detect<T: 'static>() -> Option<Self> {
        let has = TypeId::of::<T>() == TypeId::of::<Bf16>()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bf16");
        has.then_some(Self(()))
    }

    /// `Bᵀ d B` of a tile: `rows` are four rows of four pixels of `channels` each, a multiple of 16.
    #[inline]
    pub(crate) fn transform_input<T: 'static>(
        self,
        rows: &[&[T]; SIDE],
        channels: usize,
        to: &mut PlanesAt<&mut [T]>,
    ) {
        let Self(()) = self;
        assert!(TypeId::of::<T>() == TypeId::of::<Bf16>() && channels.is_multiple_of(LANES));
        assert!(rows.iter().all(|row| row.len() == SIDE * channels), "rows are of four pixels");
        let end = (POSITIONS - 1) * to.stride + to.first + channels;
        assert!(end <= to.elements.len(), "each matrix has room for the tile");
        let from = rows.map(|row| row.as_ptr().cast());
        // SAFETY: the tile lies in the matrices by the assertions.
        let start = unsafe { to.elements.as_mut_ptr().add(to.first) };
        // SAFETY: `self` proves the instructions, and the assertions above hold.
        unsafe { transform_input(from, channels, start.cast(), to.stride) };
    }

    /// `Aᵀ m A` of a tile, for `W` outputs, a multiple of 16.
    #[inline]
    pub(crate) fn transform_output<T: 'static, const W: usize>(
        self,
        sums: &PlanesAt<&[f32]>,
        relu: bool,
        out: &mut [[T; W]; 4],
    ) {
        let Self(()) = self;
        assert!(TypeId::of::<T>() == TypeId::of::<Bf16>() && W.is_multiple_of(LANES));
        let end = (POSITIONS - 1) * sums.stride + sums.first + W;
        assert!(end <= sums.elements.len(), "each matrix has the tile");
        // SAFETY: the tile lies in the matrices by the assertions.
        let start = unsafe { sums.elements.as_ptr().add(sums.first) };
        let out = out.each_mut().map(|pixel| pixel.as_mut_ptr().cast());
        // SAFETY: `self` proves the instructions, and the assertions above hold.
        unsafe { transform_output::<W>(start, sums.stride, relu, out) };
    }
}

/// # Safety
///
/// Each row holds four times `channels` numbers, and `to` as many at each of sixteen steps of `stride`.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
unsafe fn transform_input(rows: [*const u16; SIDE], channels: usize, to: *mut u16, stride: usize) {
    for first in (0..channels).step_by(LANES) {
        let mut columns = [[_mm512_setzero_ps(); SIDE]; SIDE];
        for (number, column) in columns.iter_mut().enumerate() {
            let mut pixels = [_mm512_setzero_ps(); SIDE];
            for (pixel, row) in pixels.iter_mut().zip(rows) {
                // SAFETY: a pixel has `channels` numbers, a multiple of those of a register.
                *pixel = unsafe { load_bf16(row, number * channels + first) };
            }
            *column = spread(pixels);
        }
        for row in 0..SIDE {
            let pixels = columns.map(|column| column[row]);
            for (column, value) in spread(pixels).into_iter().enumerate() {
                let offset = (SIDE * row + column) * stride + first;
                // SAFETY: the matrix of this position has the tile's channels there.
                unsafe { store_bf16(to, offset, value) };
            }
        }
    }
}

/// # Safety
///
/// `sums` holds `W` numbers at each of sixteen steps of `stride`, and each of `out` has room for as many.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
unsafe fn transform_output<const W: usize>(
    sums: *const f32,
    stride: usize,
    relu: bool,
    out: [*mut u16; 4],
) {
    let least = _mm512_set1_ps(if relu { 0.0 } else { f32::NEG_INFINITY });
    for first in (0..W).step_by(LANES) {
        let mut columns = [[_mm512_setzero_ps(); 2]; SIDE];
        for (number, column) in columns.iter_mut().enumerate() {
            let mut values = [_mm512_setzero_ps(); SIDE];
            for (row, value) in values.iter_mut().enumerate() {
                let position = SIDE * row + number;
                // SAFETY: the matrix of this position has the tile's sums there.
                *value = unsafe { load(sums, position * stride + first) };
            }
            *column = gather(values);
        }
        for row in 0..2 {
            let values = columns.map(|column| column[row]);
            for (column, value) in gather(values).into_iter().enumerate() {
                // The second operand is the result if the other is NaN, which thus stays visible.
                let value = _mm512_max_ps(least, value);
                // SAFETY: each pixel has room for `W` numbers.
                unsafe { store_bf16(out[2 * row + column], first, value) };
            }
        }
    }
}

/// `Bᵀ` times a column.
#[target_feature(enable = "avx512f")]
#[inline]
fn spread([a, b, c, d]: [__m512; SIDE]) -> [__m512; SIDE] {
    [_mm512_sub_ps(a, c), _mm512_add_ps(b, c), _mm512_sub_ps(c, b), _mm512_sub_ps(b, d)]
}

/// `Aᵀ` times a column.
#[target_feature(enable = "avx512f")]
#[inline]
fn gather([a, b, c, d]: [__m512; SIDE]) -> [__m512; 2] {
    let upper = _mm512_add_ps(_mm512_add_ps(a, b), c);
    [upper, _mm512_sub_ps(_mm512_sub_ps(b, c), d)]
}

/// # Safety
///
/// There are sixteen numbers from `offset` on.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn load(from: *const f32, offset: usize) -> __m512 {
    // SAFETY: as the caller promises.
    let from = unsafe { from.add(offset) };
    // SAFETY: as the caller promises; the place need not be aligned.
    unsafe { _mm512_loadu_ps(from) }
}

/// # Safety
///
/// There are sixteen numbers from `offset` on.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn load_bf16(from: *const u16, offset: usize) -> __m512 {
    // SAFETY: as the caller promises.
    let from = unsafe { from.add(offset) };
    // SAFETY: as the caller promises; the place need not be aligned.
    let bits = unsafe { _mm256_loadu_si256(from.cast()) };
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(bits)))
}

/// # Safety
///
/// There is room for sixteen numbers from `offset` on.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
unsafe fn store_bf16(to: *mut u16, offset: usize, value: __m512) {
    let value = _mm512_cvtneps_pbh(value);
    // SAFETY: both are the same 256 bits.
    let bits: __m256i = unsafe { std::mem::transmute(value) };
    // SAFETY: as the caller promises.
    let to = unsafe { to.add(offset) };
    // SAFETY: as the caller promises; the place need not be aligned.
    unsafe { _mm256_storeu_si256(to.cast(), bits) };
}
