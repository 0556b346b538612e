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
mod tests {
    use super::*;

    /// Numbers that end in ties, overflow, vanish in rounding or are none.
    fn numbers() -> Vec<f32> {
        let mut numbers: Vec<f32> = (0..300).map(|k| (k as f32 - 150.0) * 1.003_906_2).collect();
        let bits = [0x3f80_8000, 0x3f81_8000, 0x3f80_8001, 0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000];
        numbers.extend(bits.map(f32::from_bits));
        numbers.extend([0.0, -0.0, f32::MIN_POSITIVE, f32::NEG_INFINITY]);
        numbers
    }

    #[test]
    fn rounding_is_the_same_in_all_instruction_sets() {
        let numbers = numbers();
        let plain: Vec<u16> = numbers.iter().map(|x| Bf16::from_f32(*x).to_bits()).collect();
        for set in InstructionSet::available() {
            let mut found = vec![Bf16::from_bits(1); numbers.len()];
            Bf16::round(set, &numbers, &mut found);
            assert_eq!(found.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), plain, "{set:?}");
            let mut rest = [f32::NAN; 33].map(Bf16::from_f32);
            Bf16::round(set, &[f32::NAN; 33], &mut rest);
            assert!(rest.iter().all(|x| x.to_f32().is_nan()), "{set:?}");
        }
    }

    #[test]
    fn sums_are_finished_the_same_in_all_instruction_sets() {
        let sums: [f32; 64] = std::array::from_fn(|k| (k as f32 - 30.0) * 0.37);
        let bias: [f32; 64] = std::array::from_fn(|k| (k % 5) as f32);
        for relu in [false, true] {
            let exact: Vec<f32> = (0..64)
                .map(|k| if relu { (sums[k] + bias[k]).max(0.0) } else { sums[k] + bias[k] })
                .collect();
            let plain: Vec<u16> = exact.iter().map(|x| Bf16::from_f32(*x).to_bits()).collect();
            for set in InstructionSet::available() {
                // Whole panels, and the beginning of one.
                for count in [64, 40] {
                    let mut found = vec![Bf16::from_bits(1); count];
                    Bf16::round_sums(set, &mut sums.clone(), &bias, relu, &mut found);
                    assert!(
                        found.iter().map(|x| x.to_bits()).eq(plain[..count].iter().copied()),
                        "{set:?}"
                    );
                    let mut found = vec![-1.0; count];
                    f32::round_sums(set, &mut sums.clone(), &bias, relu, &mut found);
                    assert_eq!(found, exact[..count], "{set:?}");
                }
            }
        }
    }

    #[test]
    fn bfloat16_rounds_to_nearest_even() {
        let check = |x: f32, expected: f32| assert_eq!(Bf16::from_f32(x).to_f32(), expected, "{x}");
        check(1.0, 1.0);
        check(1.0 + 1.0 / 256.0, 1.0); // a tie: to the even neighbour below
        check(1.0 + 3.0 / 256.0, 1.0 + 4.0 / 256.0); // a tie: to the even neighbour above
        check(-2.503_906_3, -2.5);
        check(f32::INFINITY, f32::INFINITY);
        assert!(Bf16::from_f32(f32::NAN).to_f32().is_nan());
    }
}
