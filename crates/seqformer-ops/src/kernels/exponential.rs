//! The exponential function in vectors.

use crate::ffi::truncate;

/// `a * b + c`, fused where the machine can.
#[inline(always)]
fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// `exp(x)` for `x <= 0`, to two units in the last place; NaN stays NaN, and less than -87 counts as -87.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const POLYNOMIAL: [f32; 5] =
        [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 5e-1];
    let x = if x < -87.0 { -87.0 } else { x };
    let power = (x * std::f32::consts::LOG2_E + 0.5).floor();
    let rest = multiply_add::<FMA>(power, -LN_2_HIGH, x);
    let rest = multiply_add::<FMA>(power, -LN_2_LOW, rest);
    let mut sum = 1.987_569_2e-4;
    for factor in POLYNOMIAL {
        sum = multiply_add::<FMA>(sum, rest, factor);
    }
    let mantissa = multiply_add::<FMA>(sum, rest * rest, rest) + 1.0;
    mantissa * f32::from_bits((truncate(power + 127.0) as u32) << 23)
}
