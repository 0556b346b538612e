//! The numbers in which inference computes.

use tch::Kind;

/// The kind of number that inference uses for maps, tokens and products.
///
/// Softmax, sums, boxes, sampling points and masks' coordinates are `f32` in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// 32 bits, equal to the reference up to rounding.
    #[default]
    F32,
    /// 32 bits that a GPU rounds to 10 bits of precision before it multiplies them; a CPU has no such products.
    Tf32,
    /// bfloat16: 8 bits of precision, half the memory, and twice the speed or more where the processor
    /// multiplies such numbers itself.
    Bf16,
}

impl Precision {
    /// The kind of tensors with such numbers.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::F32 | Self::Tf32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}
