//! The bfloat16 number.

/// A bfloat16 number: the upper half of an `f32`.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Bf16(u16);

impl Bf16 {
    /// The number with these bits.
    #[inline(always)]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Its bits.
    #[inline(always)]
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The larger of two magnitudes; NaN of either sign is larger than all numbers.
    #[inline(always)]
    pub(crate) fn greater_magnitude(self, other: Self) -> Self {
        // Without their signs, numbers are ordered like their bits.
        const MAGNITUDE: u16 = 0x7fff;
        Self((self.0 & MAGNITUDE).max(other.0 & MAGNITUDE))
    }
}
