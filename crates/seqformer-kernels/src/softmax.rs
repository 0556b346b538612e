//! The softmax of a few numbers, and a vectorized exponential function.

use crate::instruction_set::InstructionSet;
use crate::lanes::{LANES, Line, part, sum_lanes, to_array};
use crate::scalar::{LEAST_EXPONENT, truncate};
#[cfg(target_arch = "x86_64")]
use crate::simd::softmax16;

/// `exp(logit) / Σ exp(logit)`; lanes beyond the logits become 0.
#[inline(always)]
pub(crate) fn softmax<const FMA: bool>(set: InstructionSet, logits: &[f32], weights: &mut [Line]) {
    #[cfg(target_arch = "x86_64")]
    if let ([weights], Ok(logits)) = (&mut *weights, logits.try_into())
        && set.has_avx512()
    {
        return softmax16(set, logits, weights);
    }
    // Floats are ordered like these integers, whose maximum may be taken in any order. NaN is above or below all
    // numbers and propagates from there, as it should.
    let mut largest = [i32::MIN; LANES];
    for (number, group) in weights.iter_mut().enumerate() {
        *group = Line(to_array(part(logits, number, 1), f32::NEG_INFINITY));
        for k in 0..LANES {
            largest[k] = largest[k].max(flip_negative(group[k].to_bits().cast_signed()));
        }
    }
    let mut most = i32::MIN;
    for key in largest {
        most = most.max(key);
    }
    let most = f32::from_bits(flip_negative(most).cast_unsigned());
    let mut sums = [0.0; LANES];
    for group in weights.iter_mut() {
        for k in 0..LANES {
            group[k] = exp::<FMA>(group[k] - most);
            sums[k] += group[k];
        }
    }
    let scale = 1.0 / sum_lanes(&sums);
    for group in weights.iter_mut() {
        for weight in group.iter_mut() {
            *weight *= scale;
        }
    }
}

/// Maps the bits of a float to an integer with the same order, and back.
#[inline(always)]
fn flip_negative(bits: i32) -> i32 {
    bits ^ ((bits >> 31) & i32::MAX)
}

/// `a * b + c`, fused if the machine can.
#[inline(always)]
fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `exp(x)` for `x <= 0`, within two units in the last place. NaN stays NaN; values below -87 count as -87, and values
/// below [`LEAST_EXPONENT`] give zero, because infinity times zero is NaN while infinity times any other number is
/// infinite.
#[inline(always)]
pub(crate) fn exp<const FMA: bool>(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const POLYNOMIAL: [f32; 5] =
        [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];
    let one = if x < LEAST_EXPONENT { 0.0 } else { 1.0 };
    let x = if x < -87.0 { -87.0 } else { x };
    let power = (x * std::f32::consts::LOG2_E + 0.5).floor();
    let rest = multiply_add::<FMA>(power, -LN_2_HIGH, x);
    let rest = multiply_add::<FMA>(power, -LN_2_LOW, rest);
    let mut sum = 1.987_569_2e-4;
    for factor in POLYNOMIAL {
        sum = multiply_add::<FMA>(sum, rest, factor);
    }
    let mantissa = multiply_add::<FMA>(sum, rest * rest, rest) + 1.0;
    mantissa * one * f32::from_bits((truncate(power + 127.0) as u32) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(set: InstructionSet, logits: &[f32]) -> Vec<f32> {
        let mut weights = vec![Line([0.0; LANES]); logits.len().div_ceil(LANES)];
        softmax::<true>(set, logits, &mut weights);
        weights.iter().flat_map(|line| line.0).take(logits.len()).collect()
    }

    #[test]
    fn weights_are_those_of_double_precision_in_all_instruction_sets() {
        let rows: [Vec<f32>; 5] = [
            (0..16).map(|k| (k * k % 11) as f32 - 5.0).collect(),
            (0..16).map(|k| k as f32 * -20.0).collect(),
            vec![3.0; 16],
            (0..7).map(|k| k as f32 * 0.3).collect(),
            (0..40).map(|k| (k % 13) as f32 * 0.7).collect(),
        ];
        for row in rows {
            let most = row.iter().copied().fold(f32::MIN, f32::max);
            let exact: Vec<f64> = row.iter().map(|x| f64::from(x - most).exp()).collect();
            let sum: f64 = exact.iter().sum();
            for set in InstructionSet::available() {
                for (found, exact) in weights(set, &row).into_iter().zip(&exact) {
                    let exact = exact / sum;
                    assert!(
                        (f64::from(found) - exact).abs() <= 4e-7 * exact + 1e-30,
                        "{set:?}, {row:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_spreads_over_its_row() {
        for set in InstructionSet::available() {
            let mut logits = [0.5; 16];
            logits[9] = f32::NAN;
            assert!(weights(set, &logits).iter().all(|weight| weight.is_nan()), "{set:?}");
        }
    }
}
