//! `Array`: a dense tensor as plain bytes.

mod half;
mod not_finite;

use std::fmt;
use std::sync::Arc;

use self::half::{bf16_to_f32, f16_to_f32, f32_to_f16};
pub use self::not_finite::NotFinite;

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

fn map_elements<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (elements, _) = bytes.as_chunks::<N>();
    elements.iter().map(|&element| read(element)).collect()
}

#[cfg(test)]
mod tests;
