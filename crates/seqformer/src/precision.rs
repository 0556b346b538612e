//! The precision of inference.

use tch::Kind;

/// The number format of feature maps, tokens and products.
///
/// Softmax, sums, boxes, sampling locations and mask coordinates are always `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// float32, equal to the reference up to rounding.
    #[default]
    F32,
    /// float32, rounded to 10 bits of mantissa before products on a GPU; not available on a CPU.
    Tf32,
    /// bfloat16: 8 bits of precision, half the memory, and at least twice the speed on processors with bfloat16
    /// products.
    Bf16,
}

impl Precision {
    /// The kind of tensors in this precision.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::F32 | Self::Tf32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
        }
    }
}
