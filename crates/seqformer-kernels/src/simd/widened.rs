//! Rows times a panel of bfloat16 numbers in AVX-512, multiplied as `f32`.
//!
//! Some processors multiply pairs of bfloat16 numbers at half the rate of `f32`: Intel's without AMX, or on virtual machines
//! that hide it. There it pays to widen the numbers first. The widened panel stays in the first-level cache, so
//! this is done for a part of the depth after the other, and the sums of many rows wait in between.
//!
//! Products and sums are those of `f32`; subnormal numbers are not flushed to zero, as they are in products of pairs.

#![expect(
    clippy::multiple_unsafe_ops_per_block,
    reason = "the pointers of a product are checked together, before the first of them is used"
)]

use std::arch::x86_64::{
    __m512, _mm256_loadu_si256, _mm512_and_si512, _mm512_castsi512_ps, _mm512_cvtepu16_epi32,
    _mm512_loadu_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_slli_epi32, _mm512_storeu_ps,
    _mm512_storeu_si512,
};
use std::mem::MaybeUninit;
use std::time::Instant;

use crate::bf16::Bf16;
use crate::instruction_set::InstructionSet;
use crate::panel::{PANEL, PanelOut, PanelProduct, PanelSums};

use super::panel_work::Work;
use super::panels::{LANES, PARTS, TOGETHER, finish_bf16, multiply_bf16_panel, sum_f32};

/// Numbers of a row that are widened and multiplied before the next ones.
const DEPTH: usize = 128;
/// Rows whose sums wait.
const ROWS: usize = 16 * TOGETHER;

/// Multiplies bfloat16 numbers as `f32`; `set` proves that the machine has the instructions: it must include AVX-512
/// with bfloat16, for the rounding.
#[inline]
pub(crate) fn multiply_widened_panel(
    set: InstructionSet,
    product: &PanelProduct<'_, Bf16>,
    sums: PanelSums<'_, Bf16>,
) {
    assert!(set.has_avx512_bf16(), "the machine has AVX-512 with bf16");
    let work = Work::new(product, product.panel.len() / PANEL / 2, sums);
    // SAFETY: `set` proves that the machine has these instructions, and all pointers of `work` are valid.
    unsafe { multiply(&work) }
}

/// Whether products of pairs take longer than those of the widened numbers, measured once on this machine.
pub(crate) fn is_faster_than_pairs(set: InstructionSet) -> bool {
    const HEIGHT: usize = 66;
    const NUMBERS: usize = 256;
    const REPEATS: usize = 5;
    let rows = vec![Bf16::from_bits(0); HEIGHT * NUMBERS];
    let panel = vec![Bf16::from_bits(0); NUMBERS * PANEL];
    let mut out = vec![0.0; HEIGHT * PANEL];
    let bias = &[0.0; PANEL];
    let product =
        PanelProduct { rows: &rows, stride: NUMBERS, height: HEIGHT, panel: &panel, bias };
    let mut seconds = |multiply: &dyn Fn(PanelSums<'_, Bf16>)| {
        let mut run = || {
            let begin = Instant::now();
            let out = PanelOut::Exact(&mut out);
            multiply(PanelSums { out, stride: PANEL, add: false, relu: false });
            begin.elapsed()
        };
        (0..REPEATS).map(|_| run()).min()
    };
    // The first measurement warms the processor up.
    let mut pairs = seconds(&|sums| multiply_bf16_panel(set, &product, sums));
    let widened = seconds(&|sums| multiply_widened_panel(set, &product, sums));
    pairs = pairs.min(seconds(&|sums| multiply_bf16_panel(set, &product, sums)));
    widened < pairs
}

/// The buffers of a product.
#[repr(align(64))]
struct Scratch {
    /// `[DEPTH, PANEL]`
    panel: [MaybeUninit<f32>; DEPTH * PANEL],
    /// `[TOGETHER, DEPTH]`
    rows: [MaybeUninit<f32>; TOGETHER * DEPTH],
    /// `[ROWS, PANEL]`
    sums: [MaybeUninit<f32>; ROWS * PANEL],
}

/// # Safety
///
/// The pointers are valid for the sizes beside them.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
unsafe fn multiply(work: &Work) {
    let mut scratch = MaybeUninit::<Scratch>::uninit();
    let scratch: *mut Scratch = scratch.as_mut_ptr();
    for first_row in (0..work.height).step_by(ROWS) {
        let rows = first_row..work.height.min(first_row + ROWS);
        // At least once, for the bias alone.
        let mut group = 0;
        loop {
            let groups = (work.groups - group).min(DEPTH / 2);
            let part = Part { first_row, group, groups, is_last: group + groups == work.groups };
            // SAFETY: as the caller promises; a part has at most `DEPTH` numbers, and `rows` at most `ROWS` rows.
            unsafe {
                widen_panel(
                    work.panel.add(group * PANEL),
                    groups,
                    (&raw mut (*scratch).panel).cast(),
                );
                for row in rows.clone().step_by(TOGETHER) {
                    match rows.end - row {
                        1 => multiply_rows::<1>(work, &part, row, scratch),
                        2 => multiply_rows::<2>(work, &part, row, scratch),
                        3 => multiply_rows::<3>(work, &part, row, scratch),
                        4 => multiply_rows::<4>(work, &part, row, scratch),
                        5 => multiply_rows::<5>(work, &part, row, scratch),
                        _ => multiply_rows::<TOGETHER>(work, &part, row, scratch),
                    }
                }
            }
            if part.is_last {
                break;
            }
            group += groups;
        }
    }
}

/// A part of the depth, for some rows.
struct Part {
    /// The first of the rows whose sums wait.
    first_row: usize,
    /// The first pair of numbers.
    group: usize,
    /// The number of pairs, at most half of `DEPTH`.
    groups: usize,
    is_last: bool,
}

/// # Safety
///
/// The pointers of `work` are valid, there are `R` rows from `row` on, fewer than `ROWS` after the first of `part`,
/// and the scratch holds the widened panel of `part`, and the sums of the parts before it.
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
unsafe fn multiply_rows<const R: usize>(
    work: &Work,
    part: &Part,
    row: usize,
    scratch: *mut Scratch,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let rows: *mut f32 = (&raw mut (*scratch).rows).cast();
        for number in 0..R {
            let from = work.rows.byte_add((row + number) * work.stride).add(part.group);
            widen_row(from.cast(), 2 * part.groups, rows.add(number * DEPTH));
        }
        let waiting = (&raw mut (*scratch).sums).cast::<f32>().add((row - part.first_row) * PANEL);
        let is_first = part.group == 0;
        let start: [[__m512; PARTS]; R] = std::array::from_fn(|number| {
            let from = if is_first { work.bias } else { waiting.add(number * PANEL).cast_const() };
            std::array::from_fn(|part| _mm512_loadu_ps(from.add(part * LANES)))
        });
        let factors = [rows.cast_const(), (&raw const (*scratch).panel).cast()];
        let widened = work.with_factors(factors, DEPTH * size_of::<f32>(), [R, 2 * part.groups]);
        let sums = sum_f32::<R>(&widened, 0, start);
        if part.is_last {
            return finish_bf16::<R>(work, row, &sums);
        }
        for (number, sums) in sums.iter().enumerate() {
            for (part, sum) in sums.iter().enumerate() {
                _mm512_storeu_ps(waiting.add(number * PANEL + part * LANES), *sum);
            }
        }
    }
}

/// Widens a panel of interleaved pairs to rows of `f32`.
///
/// # Safety
///
/// `from` holds `groups` lines of pairs, and `to` has room for twice as many lines of numbers.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn widen_panel(from: *const i32, groups: usize, to: *mut f32) {
    let upper = _mm512_set1_epi32(!0xffff);
    for group in 0..groups {
        for part in 0..PARTS {
            let column = part * LANES;
            // SAFETY: as the caller promises.
            unsafe {
                let pairs = _mm512_loadu_si512(from.add(group * PANEL + column).cast());
                let (even, odd) = (_mm512_slli_epi32::<16>(pairs), _mm512_and_si512(pairs, upper));
                _mm512_storeu_si512(to.add(2 * group * PANEL + column).cast(), even);
                _mm512_storeu_si512(to.add((2 * group + 1) * PANEL + column).cast(), odd);
            }
        }
    }
}

/// # Safety
///
/// `from` holds `count` numbers, and `to` has room for as many.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn widen_row(from: *const u16, count: usize, to: *mut f32) {
    let whole = count / LANES * LANES;
    // SAFETY: as the caller promises.
    unsafe {
        for first in (0..whole).step_by(LANES) {
            let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.add(first).cast()));
            let numbers = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits));
            _mm512_storeu_ps(to.add(first), numbers);
        }
        for number in whole..count {
            to.add(number).write(f32::from_bits(u32::from(from.add(number).read()) << 16));
        }
    }
}
