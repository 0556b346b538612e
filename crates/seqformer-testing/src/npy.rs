//! numpy's `.npy` files with float64 numbers.
//!
//! Source: `numpy/lib/format.py`, versions 1.0 to 3.0.

use std::path::Path;

use crate::golden::{GoldenError, read_bytes};

/// A dense array of numbers in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct NpyArray {
    /// The size of every dimension.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Vec<f64>,
}

/// Reads a `.npy` file of little-endian float64 in row-major order.
///
/// # Errors
///
/// Fails if the file cannot be read, or is of another kind.
pub fn read_npy(path: &Path) -> Result<NpyArray, GoldenError> {
    parse(&read_bytes(path)?).map_err(|what| GoldenError::new(path, what))
}

fn parse(bytes: &[u8]) -> Result<NpyArray, String> {
    let rest = bytes.strip_prefix(b"\x93NUMPY").ok_or("not a .npy file")?;
    let (len, rest) = match rest {
        [1, _, a, b, rest @ ..] => (u32::from_le_bytes([*a, *b, 0, 0]), rest),
        [2 | 3, _, a, b, c, d, rest @ ..] => (u32::from_le_bytes([*a, *b, *c, *d]), rest),
        _ => return Err("unknown version".to_owned()),
    };
    let (header, data) = rest.split_at_checked(len as usize).ok_or("the header is cut off")?;
    let header = String::from_utf8_lossy(header);
    for expected in ["'descr': '<f8'", "'fortran_order': False"] {
        if !header.contains(expected) {
            return Err(format!("expected {expected} in {header}"));
        }
    }
    let (_, shape) = header.split_once("'shape': (").ok_or("no shape")?;
    let (shape, _) = shape.split_once(')').ok_or("no shape")?;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let shape: Vec<usize> = sizes
        .map(|size| size.parse().map_err(|_error| format!("wrong size {size:?}")))
        .collect::<Result<_, String>>()?;
    let (values, tail) = data.as_chunks::<8>();
    let values: Vec<f64> = values.iter().map(|&value| f64::from_le_bytes(value)).collect();
    let count = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    if count != Some(values.len()) || !tail.is_empty() {
        return Err(format!("shape {shape:?} does not fit {} bytes", data.len()));
    }
    Ok(NpyArray { shape, values })
}

#[cfg(test)]
mod tests;
