//! The numbers that kernels read and write, and what is faster in the instructions for them.

use super::points::{CORNERS, Corners, Lanes, Line};
use super::{InstructionSet, forward};
#[cfg(target_arch = "x86_64")]
use crate::ffi::{
    add_bf16_row_pairs, add_bf16_rows, add_f32_rows, copy_and_round_sum_to_bf16,
    round_sums_to_bf16, round_to_bf16,
};

/// Values that a kernel reads and writes; sums are always `f32`.
pub(crate) trait Element: Copy + Send + Sync + 'static {
    fn to_f32(self) -> f32;
    fn from_f32(value: f32) -> Self;

    /// Rounds whole registers of `from` in the instructions for it; how many numbers that were.
    #[inline(always)]
    fn round_registers(_set: InstructionSet, _from: &[f32], _to: &mut [Self]) -> usize {
        0
    }

    /// As [`Self::copy_and_round_sum`] for whole registers; how many numbers that were.
    #[inline(always)]
    fn copy_and_round_sum_registers(
        _set: InstructionSet,
        _of: [&[f32]; 2],
        _copy: &mut [f32],
        _to: &mut [Self],
    ) -> usize {
        0
    }

    /// Rounds the numbers of `from` into as many of `to`.
    #[inline(always)]
    fn round(set: InstructionSet, from: &[f32], to: &mut [Self]) {
        let done = Self::round_registers(set, from, to);
        for (to, from) in to.iter_mut().zip(from).skip(done) {
            *to = Self::from_f32(*from);
        }
    }

    /// Copies `numbers` to `copy` and rounds `numbers + others` into `to`; all are as long.
    #[inline(always)]
    fn copy_and_round_sum(
        set: InstructionSet,
        [numbers, others]: [&[f32]; 2],
        copy: &mut [f32],
        to: &mut [Self],
    ) {
        let done = Self::copy_and_round_sum_registers(set, [numbers, others], copy, to);
        let rest = numbers.iter().zip(others).zip(copy).zip(to).skip(done);
        for (((number, other), copy), to) in rest {
            *copy = *number;
            *to = Self::from_f32(number + other);
        }
    }

    /// Rounds `sums + bias` into as many of `to`, negative numbers to zero if asked for; the sums are lost.
    #[inline(always)]
    fn round_sums<const W: usize>(
        set: InstructionSet,
        sums: &mut [f32; W],
        bias: &[f32; W],
        relu: bool,
        to: &mut [Self],
    ) {
        finish(sums, bias, relu);
        Self::round(set, sums, to);
    }

    /// Adds the weighted rows of one group of points to the `W` channels of a block of channels; the row of a corner
    /// is number `cell * blocks + block`.
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    );

    /// Whether [`Self::add_pairs`] has code for rows of `W` numbers.
    #[inline(always)]
    fn adds_pairs<const W: usize>(_set: InstructionSet) -> bool {
        false
    }

    /// As [`Self::add_group`] for whole rows, with the factors of the corners in pairs.
    #[inline(always)]
    fn add_pairs<const W: usize>(
        _set: InstructionSet,
        _sum: &mut [f32; W],
        _rows: &[[Self; W]],
        _corners: &Corners,
    ) {
        unreachable!("only where it adds pairs");
    }
}

impl Element for f32 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    ) {
        #[cfg(target_arch = "x86_64")]
        if set.has_avx512() && matches!(W, 16 | 32 | 64) {
            return add_f32_rows::<W>(set, sum, rows, of, cells, factors);
        }
        forward::add_group::<Self, W, FMA>(sum, rows, of, cells, factors);
    }
}

/// A bfloat16 number: the upper half of an `f32`.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Bf16(u16);

impl Bf16 {
    /// Such a NaN as processors make of `0 * inf`: with the sign bit set.
    #[cfg(test)]
    pub(super) const NEGATIVE_NAN: Self = Self(0xffc0);

    /// The greater of two magnitudes; NaN of either sign is greater than all numbers.
    #[inline(always)]
    pub(super) fn greater_magnitude(self, other: Self) -> Self {
        // Without their signs, numbers have the order of their bits.
        const MAGNITUDE: u16 = 0x7fff;
        Self((self.0 & MAGNITUDE).max(other.0 & MAGNITUDE))
    }
}

impl Element for Bf16 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    /// Rounds to the nearest, ties to even, as libtorch does.
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        if value.is_nan() {
            return Self(0x7fc0);
        }
        let bits = value.to_bits();
        Self(((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn round_registers(set: InstructionSet, from: &[f32], to: &mut [Self]) -> usize {
        if set.has_avx512_bf16() { round_to_bf16(set, from, to) } else { 0 }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn copy_and_round_sum_registers(
        set: InstructionSet,
        of: [&[f32]; 2],
        copy: &mut [f32],
        to: &mut [Self],
    ) -> usize {
        if set.has_avx512_bf16() { copy_and_round_sum_to_bf16(set, of, copy, to) } else { 0 }
    }

    #[inline(always)]
    fn round_sums<const W: usize>(
        set: InstructionSet,
        sums: &mut [f32; W],
        bias: &[f32; W],
        relu: bool,
        to: &mut [Self],
    ) {
        #[cfg(target_arch = "x86_64")]
        if let Ok(to) = to.try_into()
            && set.has_avx512_bf16()
            && W.is_multiple_of(32)
        {
            return round_sums_to_bf16::<W>(set, sums, bias, relu, to);
        }
        finish(sums, bias, relu);
        Self::round(set, sums, to);
    }

    #[inline(always)]
    fn adds_pairs<const W: usize>(set: InstructionSet) -> bool {
        #[cfg(target_arch = "x86_64")]
        return set.has_avx512_bf16() && matches!(W, 32 | 64);
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn add_pairs<const W: usize>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        corners: &Corners,
    ) {
        add_bf16_row_pairs::<W>(set, sum, rows, &corners.cells, &corners.pairs);
    }

    #[inline(always)]
    fn add_group<const W: usize, const FMA: bool>(
        set: InstructionSet,
        sum: &mut [f32; W],
        rows: &[[Self; W]],
        of: [usize; 2],
        cells: &[Lanes<i32>; CORNERS],
        factors: &[Line; CORNERS],
    ) {
        #[cfg(target_arch = "x86_64")]
        if set.has_avx512() && matches!(W, 32 | 64) {
            return add_bf16_rows::<W>(set, sum, rows, of, cells, factors);
        }
        forward::add_group::<Self, W, FMA>(sum, rows, of, cells, factors);
    }
}

/// Adds the bias to sums, and makes negative numbers zero if asked for.
#[inline(always)]
pub(super) fn finish<const W: usize>(sums: &mut [f32; W], bias: &[f32; W], relu: bool) {
    let least = if relu { 0.0 } else { f32::NEG_INFINITY };
    for (sum, bias) in sums.iter_mut().zip(bias) {
        let value = *sum + bias;
        *sum = if value < least { least } else { value };
    }
}

#[cfg(test)]
mod tests;
