//! `Array`: a dense tensor as plain bytes.

use std::fmt;
use std::sync::Arc;

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// IEEE double precision.
    F64,
    /// IEEE single precision.
    F32,
    /// IEEE half precision.
    F16,
    /// The upper half of a single-precision number.
    BF16,
    /// Signed, 64 bits.
    I64,
    /// Signed, 32 bits.
    I32,
    /// Signed, 16 bits.
    I16,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 8 bits.
    U8,
    /// One byte, zero or one.
    Bool,
}

impl DType {
    /// Bytes of one element.
    pub fn size_bytes(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// True for the four floating point types.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F64 => "float64",
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::I64 => "int64",
            Self::I32 => "int32",
            Self::I16 => "int16",
            Self::I8 => "int8",
            Self::U8 => "uint8",
            Self::Bool => "bool",
        })
    }
}

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

/// The number of bytes does not match the shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("shape {shape:?} of {dtype} does not take {found_bytes} bytes")]
pub struct ArrayError {
    /// The element type.
    pub dtype: DType,
    /// The shape.
    pub shape: Vec<usize>,
    /// The bytes given.
    pub found_bytes: usize,
}

/// A dense tensor: little-endian elements in row-major order.
///
/// Cloning is cheap: tied tensors of a checkpoint share their bytes.
#[derive(Clone, PartialEq)]
pub struct Array {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Arc<[u8]>,
}

impl Array {
    /// Creates an array from `bytes` and their meaning.
    ///
    /// # Errors
    ///
    /// Fails unless `bytes` is exactly as long as `shape` and `dtype` require.
    pub fn new(dtype: DType, shape: &[usize], bytes: Arc<[u8]>) -> Result<Self, ArrayError> {
        if size_in_bytes(dtype, shape) == Some(bytes.len()) {
            Ok(Self { dtype, shape: shape.to_vec(), bytes })
        } else {
            Err(ArrayError { dtype, shape: shape.to_vec(), found_bytes: bytes.len() })
        }
    }

    /// Makes a single-precision array.
    ///
    /// # Errors
    ///
    /// Fails unless there are as many `values` as `shape` requires.
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Result<Self, ArrayError> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::new(DType::F32, shape, bytes)
    }

    /// Makes an array of 64-bit integers.
    ///
    /// # Errors
    ///
    /// Fails unless there are as many `values` as `shape` requires.
    pub fn from_i64(shape: &[usize], values: &[i64]) -> Result<Self, ArrayError> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self::new(DType::I64, shape, bytes)
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The size of every dimension; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, little-endian and in row-major order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of elements.
    pub fn num_elements(&self) -> usize {
        self.bytes.len() / self.dtype.size_bytes()
    }

    /// True if both arrays share the same bytes in memory, as tied tensors do.
    pub fn shares_bytes_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bytes, &other.bytes)
    }

    /// Address of the bytes; the same for arrays that share them.
    pub(crate) fn address(&self) -> usize {
        self.bytes.as_ptr().addr()
    }

    /// The elements in single precision, rounded to nearest where they do not fit.
    pub fn to_f32_vec(&self) -> Vec<f32> {
        let bytes = &*self.bytes;
        match self.dtype {
            DType::F64 => map_elements(bytes, |b| f64::from_le_bytes(b) as f32),
            DType::F32 => map_elements(bytes, f32::from_le_bytes),
            DType::F16 => map_elements(bytes, |b| f16_to_f32(u16::from_le_bytes(b))),
            DType::BF16 => map_elements(bytes, |b| bf16_to_f32(u16::from_le_bytes(b))),
            DType::I64 => map_elements(bytes, |b| i64::from_le_bytes(b) as f32),
            DType::I32 => map_elements(bytes, |b| i32::from_le_bytes(b) as f32),
            DType::I16 => map_elements(bytes, |b| f32::from(i16::from_le_bytes(b))),
            DType::I8 => map_elements(bytes, |b| f32::from(i8::from_le_bytes(b))),
            DType::U8 => map_elements(bytes, |[b]| f32::from(b)),
            DType::Bool => map_elements(bytes, |[b]| f32::from(u8::from(b != 0))),
        }
    }

    /// The array in half precision, rounded to nearest; `None` for an array of integers.
    pub fn to_half(&self) -> Option<Self> {
        if !self.dtype.is_float() {
            return None;
        }
        let bytes = self.to_f32_vec().into_iter().flat_map(|value| f32_to_f16(value).to_le_bytes());
        Some(Self { dtype: DType::F16, shape: self.shape.clone(), bytes: bytes.collect() })
    }

    /// The elements in double precision; exact except for integers beyond 2⁵³.
    pub fn to_f64_vec(&self) -> Vec<f64> {
        match self.dtype {
            DType::F64 => map_elements(&self.bytes, f64::from_le_bytes),
            DType::I64 => map_elements(&self.bytes, |b| i64::from_le_bytes(b) as f64),
            DType::I32 => map_elements(&self.bytes, |b| f64::from(i32::from_le_bytes(b))),
            _ => self.to_f32_vec().into_iter().map(f64::from).collect(),
        }
    }

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

    /// The elements as integers, or `None` for a floating point array.
    pub fn to_i64_vec(&self) -> Option<Vec<i64>> {
        let bytes = &*self.bytes;
        Some(match self.dtype {
            DType::I64 => map_elements(bytes, i64::from_le_bytes),
            DType::I32 => map_elements(bytes, |b| i64::from(i32::from_le_bytes(b))),
            DType::I16 => map_elements(bytes, |b| i64::from(i16::from_le_bytes(b))),
            DType::I8 => map_elements(bytes, |b| i64::from(i8::from_le_bytes(b))),
            DType::U8 => map_elements(bytes, |[b]| i64::from(b)),
            DType::Bool => map_elements(bytes, |[b]| i64::from(b != 0)),
            DType::F64 | DType::F32 | DType::F16 | DType::BF16 => return None,
        })
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Array({} {:?})", self.dtype, self.shape)
    }
}

/// Size of an array in bytes; `None` if it overflows.
pub(crate) fn size_in_bytes(dtype: DType, shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(dtype.size_bytes(), |product, &size| product.checked_mul(size))
}

/// Counts the elements for which `test` holds.
fn count_elements<const N: usize>(bytes: &[u8], test: impl Fn([u8; N]) -> bool) -> usize {
    /// Small enough for narrow counters per block, which lets the compiler use wide registers.
    const BLOCK: usize = 1 << 12;
    let (elements, _) = bytes.as_chunks::<N>();
    let count = |block: &[[u8; N]]| block.iter().map(|&b| u16::from(test(b))).sum::<u16>();
    elements.chunks(BLOCK).map(|block| usize::from(count(block))).sum()
}

fn map_elements<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (elements, _) = bytes.as_chunks::<N>();
    elements.iter().map(|&element| read(element)).collect()
}

fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// Widens a half-precision number; exact.
fn f16_to_f32(bits: u16) -> f32 {
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
fn f32_to_f16(value: f32) -> u16 {
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

#[cfg(test)]
mod tests;
