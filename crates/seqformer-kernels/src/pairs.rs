//! Pairs of numbers for sixteen points.

use crate::instruction_set::InstructionSet;
use crate::lanes::{LANES, Lanes, part, to_array};
#[cfg(target_arch = "x86_64")]
use crate::simd::split_pairs;

/// A location outside every map, for lanes without a point.
pub(crate) const NOWHERE: f32 = -2.0;

/// A pair of numbers per point, aligned to cache lines like [`Line`].
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Pairs {
    pub(crate) x: Lanes<f32>,
    pub(crate) y: Lanes<f32>,
}

impl Pairs {
    /// The pairs of group `index`; lanes beyond the end are `rest`.
    #[inline(always)]
    pub(crate) fn read(set: InstructionSet, numbers: &[f32], index: usize, rest: f32) -> Self {
        let numbers = part(numbers, index, 2);
        match numbers.first_chunk() {
            Some(all) => Self::split(set, all),
            None => Self::split(set, &to_array(numbers, rest)),
        }
    }

    #[inline(always)]
    fn split(set: InstructionSet, pairs: &[f32; 2 * LANES]) -> Self {
        #[cfg(target_arch = "x86_64")]
        if set.has_avx512() {
            let (x, y) = split_pairs(set, pairs);
            return Self { x, y };
        }
        let (mut x, mut y) = ([0.0; LANES], [0.0; LANES]);
        for k in 0..LANES {
            (x[k], y[k]) = (pairs[2 * k], pairs[2 * k + 1]);
        }
        Self { x, y }
    }
}
