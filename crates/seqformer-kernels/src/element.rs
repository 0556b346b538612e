//! The number formats of kernels, with operations that have special instructions.

use crate::bf16::Bf16;
use crate::instruction_set::InstructionSet;
#[cfg(target_arch = "x86_64")]
use crate::simd::{copy_and_round_sum_to_bf16, round_sums_to_bf16, round_to_bf16};

mod sealed {
    /// Sealed, because SIMD code of this crate relies on the number format.
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for super::Bf16 {}
}

/// Numbers that a kernel reads and writes; sums are always `f32`.
pub trait Element: sealed::Sealed + Copy + Send + Sync + 'static {
    /// The number as `f32`, exactly.
    fn to_f32(self) -> f32;

    /// The nearest number, ties to even.
    fn from_f32(value: f32) -> Self;

    /// Rounds whole registers of `from` with special instructions, and returns the number of elements processed.
    #[inline(always)]
    fn round_registers(_set: InstructionSet, _from: &[f32], _to: &mut [Self]) -> usize {
        0
    }

    /// As [`Self::copy_and_round_sum`] for whole registers; returns the number of elements processed.
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

    /// Copies `numbers` to `copy` and rounds `numbers + others` into `to`; all have the same length.
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

    /// Rounds `sums + bias` into as many elements of `to`, with optional ReLU; overwrites the sums.
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
}

impl Element for Bf16 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    /// Rounds to nearest, ties to even, as libtorch does.
    #[inline(always)]
    fn from_f32(value: f32) -> Self {
        if value.is_nan() {
            return Self::from_bits(0x7fc0);
        }
        let bits = value.to_bits();
        Self::from_bits(((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16)
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
}

/// Adds the bias to sums, with optional ReLU.
#[inline(always)]
pub(crate) fn finish<const W: usize>(sums: &mut [f32; W], bias: &[f32; W], relu: bool) {
    let least = if relu { 0.0 } else { f32::NEG_INFINITY };
    for (sum, bias) in sums.iter_mut().zip(bias) {
        let value = *sum + bias;
        *sum = if value < least { least } else { value };
    }
}

#[cfg(test)]
mod tests;
