//! Elements of an array that are NaN or infinite.

use std::fmt;

use super::{Array, DType};

/// Number of non-finite elements of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotFinite {
    /// Elements that are not a number.
    pub nan: usize,
    /// Elements that are infinite.
    pub infinite: usize,
}

impl NotFinite {
    /// True if all elements are finite.
    pub fn is_empty(self) -> bool {
        self.nan + self.infinite == 0
    }
}

impl fmt::Display for NotFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.nan, self.infinite) {
            (nan, 0) => write!(f, "{nan} NaN"),
            (0, infinite) => write!(f, "{infinite} infinite"),
            (nan, infinite) => write!(f, "{nan} NaN, {infinite} infinite"),
        }
    }
}

impl Array {
    /// Counts non-finite elements; integers are always finite.
    ///
    /// One pass over the bytes, about as fast as memory.
    pub fn count_not_finite(&self) -> NotFinite {
        let bytes = &*self.bytes;
        // Infinity has all exponent bits set; NaN also has a non-zero fraction.
        let counts = |exponent: u64, fraction: u64| match self.dtype {
            DType::F64 => count_elements(bytes, |b| {
                let bits = u64::from_le_bytes(b);
                bits & exponent == exponent && (fraction == 0 || bits & fraction != 0)
            }),
            DType::F32 => count_elements(bytes, |b| {
                let bits = u32::from_le_bytes(b);
                let (exponent, fraction) = (exponent as u32, fraction as u32);
                bits & exponent == exponent && (fraction == 0 || bits & fraction != 0)
            }),
            DType::F16 | DType::BF16 => count_elements(bytes, |b| {
                let bits = u16::from_le_bytes(b);
                let (exponent, fraction) = (exponent as u16, fraction as u16);
                bits & exponent == exponent && (fraction == 0 || bits & fraction != 0)
            }),
            _ => 0,
        };
        let (exponent, fraction) = match self.dtype {
            DType::F64 => (0x7ff << 52, (1 << 52) - 1),
            DType::F32 => (0xff << 23, (1 << 23) - 1),
            DType::F16 => (0x1f << 10, (1 << 10) - 1),
            DType::BF16 => (0xff << 7, (1 << 7) - 1),
            _ => return NotFinite::default(),
        };
        let all = counts(exponent, 0);
        let nan = if all == 0 { 0 } else { counts(exponent, fraction) };
        NotFinite { nan, infinite: all - nan }
    }

    /// `"name": 3 of 64 values (3 NaN)`, or `None` if all elements are finite.
    pub fn describe_not_finite(&self, name: &str) -> Option<String> {
        let found = self.count_not_finite();
        (!found.is_empty()).then(|| {
            let (count, of) = (found.nan + found.infinite, self.num_elements());
            format!("{:?}: {count} of {of} values ({found})", crate::pickle::shortened(name))
        })
    }
}

/// Counts the elements for which `test` holds.
fn count_elements<const N: usize>(bytes: &[u8], test: impl Fn([u8; N]) -> bool) -> usize {
    /// Small enough for narrow counters per block, which lets the compiler use wide registers.
    const BLOCK: usize = 1 << 12;
    let (elements, _) = bytes.as_chunks::<N>();
    let count = |block: &[[u8; N]]| block.iter().map(|&b| u16::from(test(b))).sum::<u16>();
    elements.chunks(BLOCK).map(|block| usize::from(count(block))).sum()
}
