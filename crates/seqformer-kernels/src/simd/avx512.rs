//! Steps of attention in AVX-512.
//!
//! The compiler splits the backward pass's sums over channels into steps of a few numbers. Here the sums of sixteen
//! points are reduced together, by a tree whose every step adds whole registers.

use std::arch::x86_64::{
    __m512, _mm512_add_epi32, _mm512_add_ps, _mm512_castpd_ps, _mm512_castps_pd, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_mul_ps, _mm512_permutex2var_ps, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setr_epi32, _mm512_setzero_ps, _mm512_shuffle_f32x4, _mm512_storeu_ps,
    _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use crate::head_rows::HeadRows;
use crate::instruction_set::InstructionSet;

/// Numbers in a register, and points of a group.
const LANES: usize = 16;
/// Registers of the widest block of channels.
const MOST_PARTS: usize = 4;
/// The even and odd quarters of one register, then those of another.
const EVEN: i32 = 0b10_00_10_00;
const ODD: i32 = 0b11_01_11_01;

/// Reads the values of sixteen cells, adds each one's product with `grad` to `dots`, and adds `grad` times the cell's
/// factor to its gradient, one cell after the other.
///
/// `W` is a multiple of 16 up to 64. `set` proves that the machine has the instructions: it must include AVX-512.
#[inline(always)]
pub(crate) fn add_group_gradients<const W: usize>(
    set: InstructionSet,
    grad: &[f32; W],
    rows: &mut HeadRows<'_, W>,
    cells: &[i32; LANES],
    factors: &[f32; LANES],
    dots: &mut [f32; LANES],
) {
    assert!(
        set.has_avx512() && W.is_multiple_of(LANES) && W <= MOST_PARTS * LANES,
        "the machine has AVX-512"
    );
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { group_gradients::<W>(grad, rows, cells, factors, dots) }
}

/// Four at a time, whose sums fit into registers: the store queue is the bottleneck, and is reserved for the rows.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")]
#[inline]
fn group_gradients<const W: usize>(
    grad: &[f32; W],
    rows: &mut HeadRows<'_, W>,
    cells: &[i32; LANES],
    factors: &[f32; LANES],
    dots: &mut [f32; LANES],
) {
    let (values, blocks, block) = (rows.values, rows.blocks, rows.block);
    // As long as the values, so that one bounds check covers both.
    let gradients = &mut rows.gradients[..values.len()];
    let grad = registers(grad);
    let mut cell_gradients = |k: usize| {
        let cell = cells[k] as usize * blocks + block;
        let row = registers(&values[cell]);
        let gradient = &mut gradients[cell];
        let factor = _mm512_set1_ps(factors[k]);
        let mut products = _mm512_mul_ps(grad[0], row[0]);
        for part in 1..W / LANES {
            products = _mm512_fmadd_ps(grad[part], row[part], products);
        }
        let before = registers(gradient);
        for (part, to) in gradient.chunks_exact_mut(LANES).enumerate() {
            store(to, _mm512_fmadd_ps(grad[part], factor, before[part]));
        }
        products
    };
    let mut four_cells = |first: usize| {
        let (a, b) = (cell_gradients(first), cell_gradients(first + 1));
        let (c, d) = (cell_gradients(first + 2), cell_gradients(first + 3));
        sum_quarters([a, b, c, d])
    };
    let sums = [four_cells(0), four_cells(4), four_cells(8), four_cells(12)];
    let [before, ..] = registers(dots);
    store(dots, _mm512_add_ps(before, sum_each(sums)));
}

/// The first and second numbers of sixteen pairs.
///
/// The compiler's loads are masked and extend beyond the last pair into an unneeded cache line; waiting for that line
/// took a third of the forward pass. `set` is as for [`add_group_gradients`].
#[inline(always)]
pub(crate) fn split_pairs(
    set: InstructionSet,
    pairs: &[f32; 2 * LANES],
) -> ([f32; LANES], [f32; LANES]) {
    assert!(set.has_avx512(), "the machine has AVX-512");
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { even_and_odd(pairs) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn even_and_odd(pairs: &[f32; 2 * LANES]) -> ([f32; LANES], [f32; LANES]) {
    let [low, high, ..] = registers(pairs);
    let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
    store(&mut first, _mm512_permutex2var_ps(low, even, high));
    store(&mut second, _mm512_permutex2var_ps(low, odd, high));
    (first, second)
}

/// A block of channels in registers; those beyond its width are zero.
#[target_feature(enable = "avx512f")]
#[inline]
fn registers<const W: usize>(block: &[f32; W]) -> [__m512; MOST_PARTS] {
    let mut registers = [_mm512_setzero_ps(); MOST_PARTS];
    for (register, part) in registers.iter_mut().zip(block.as_chunks::<LANES>().0) {
        // SAFETY: the part is sixteen numbers; their place need not be aligned.
        *register = unsafe { _mm512_loadu_ps(part.as_ptr()) };
    }
    registers
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(to: &mut [f32], register: __m512) {
    let to: &mut [f32; LANES] = to.try_into().expect("the target is as long as a register");
    // SAFETY: the target is sixteen numbers; their place need not be aligned.
    unsafe { _mm512_storeu_ps(to.as_mut_ptr(), register) };
}

/// The sums of four registers within each quarter, side by side in the same quarter of the result.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn sum_quarters([a, b, c, d]: [__m512; 4]) -> __m512 {
    // Halves of two, then wholes of four.
    let first = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    let second = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    let (first, second) = (_mm512_castps_pd(first), _mm512_castps_pd(second));
    let (low, high) = (_mm512_unpacklo_pd(first, second), _mm512_unpackhi_pd(first, second));
    _mm512_add_ps(_mm512_castpd_ps(low), _mm512_castpd_ps(high))
}

/// The sum of every register of four [`sum_quarters`], in order.
#[target_feature(enable = "avx512f")]
#[inline]
fn sum_each(four: [__m512; 4]) -> __m512 {
    // Even and odd quarters, twice.
    let upper = add_quarters(four[0], four[1]);
    let lower = add_quarters(four[2], four[3]);
    add_quarters(upper, lower)
}

/// Sums of neighbouring quarters, those of `a` first.
#[target_feature(enable = "avx512f")]
#[inline]
fn add_quarters(a: __m512, b: __m512) -> __m512 {
    _mm512_add_ps(_mm512_shuffle_f32x4::<EVEN>(a, b), _mm512_shuffle_f32x4::<ODD>(a, b))
}

/// Transposes sixteen rows of sixteen numbers.
///
/// Rows of `from` are `from_stride` apart, those of `to` `to_stride`. `set` is as for [`add_group_gradients`].
#[inline(always)]
pub(crate) fn turn_square(
    set: InstructionSet,
    from: &[f32],
    from_stride: usize,
    to: &mut [f32],
    to_stride: usize,
) {
    assert!(set.has_avx512(), "the machine has AVX-512");
    // SAFETY: `set` proves that the machine has these instructions.
    unsafe { turn(from, from_stride, to, to_stride) }
}

#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn turn(from: &[f32], from_stride: usize, to: &mut [f32], to_stride: usize) {
    let rows = std::array::from_fn(|row| {
        let row: &[f32; LANES] = from[row * from_stride..].first_chunk().expect("a whole square");
        let [register, ..] = registers(row);
        register
    });
    for (column, register) in columns(&rows).into_iter().enumerate() {
        store(&mut to[column * to_stride..][..LANES], register);
    }
}

/// The columns of a square of sixteen rows.
#[target_feature(enable = "avx512f,avx512dq")]
#[inline]
fn columns(rows: &[__m512; LANES]) -> [__m512; LANES] {
    let mut columns = [_mm512_setzero_ps(); LANES];
    // Squares of four by four within the quarters of four rows: quarter `q` of the register `c` is column `4 q + c`.
    let mut squares = [[_mm512_setzero_ps(); 4]; 4];
    for (square, rows) in squares.iter_mut().zip(rows.as_chunks::<4>().0) {
        let pair = |a, b| {
            let (low, high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            [_mm512_castps_pd(low), _mm512_castps_pd(high)]
        };
        let (upper, lower) = (pair(rows[0], rows[1]), pair(rows[2], rows[3]));
        for half in 0..2 {
            let (a, b) = (upper[half], lower[half]);
            square[2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            square[2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
    for c in 0..4 {
        let [a, b, d, e] = [squares[0][c], squares[1][c], squares[2][c], squares[3][c]];
        let even = (_mm512_shuffle_f32x4::<EVEN>(a, b), _mm512_shuffle_f32x4::<EVEN>(d, e));
        let odd = (_mm512_shuffle_f32x4::<ODD>(a, b), _mm512_shuffle_f32x4::<ODD>(d, e));
        columns[c] = _mm512_shuffle_f32x4::<EVEN>(even.0, even.1);
        columns[4 + c] = _mm512_shuffle_f32x4::<EVEN>(odd.0, odd.1);
        columns[8 + c] = _mm512_shuffle_f32x4::<ODD>(even.0, even.1);
        columns[12 + c] = _mm512_shuffle_f32x4::<ODD>(odd.0, odd.1);
    }
    columns
}
