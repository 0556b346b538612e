//! Conversions between 16-bit and single-precision numbers.

/// Widens a number that is the upper half of a single-precision one; exact.
pub(super) fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Widens a half-precision number; exact.
pub(super) fn f16_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let fraction = u32::from(bits) & 0x3ff;
    match exponent {
        // Zero and subnormals are multiples of 2⁻²⁴.
        0 => f32::from_bits((fraction as f32 * 2f32.powi(-24)).to_bits() | sign),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// Narrows to half precision: to nearest, ties to even, too large numbers to infinity.
pub(super) fn f32_to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16) as u16 & 0x8000;
    let magnitude = value.abs();
    if magnitude.is_nan() {
        return sign | 0x7e00;
    }
    // From here on numbers round up to infinity.
    if magnitude >= 65520.0 {
        return sign | 0x7c00;
    }
    if magnitude < 2f32.powi(-14) {
        // Subnormals are multiples of 2⁻²⁴; the product is exact, and adding 2²³ rounds it.
        let multiple = (magnitude * 2f32.powi(24) + 8_388_608.0).to_bits() & 0x7f_ffff;
        return sign | multiple as u16;
    }
    let magnitude = bits & 0x7fff_ffff;
    let rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
    sign | ((rounded - (112 << 23)) >> 13) as u16
}
