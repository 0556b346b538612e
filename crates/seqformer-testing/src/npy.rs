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
mod tests {
    use super::*;

    /// What `numpy.save` writes, with `header` as its dict.
    fn file(version: u8, header: &str, values: &[f64]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        match version {
            1 => bytes.extend((header.len() as u16).to_le_bytes()),
            _ => bytes.extend((header.len() as u32).to_le_bytes()),
        }
        bytes.extend(header.as_bytes());
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    #[test]
    fn shapes_of_every_rank_are_read() {
        let check = |shape: &str, expected: &[usize]| {
            let count = expected.iter().product();
            let values: Vec<f64> = (0..count).map(|i| i as f64 / 3.0).collect();
            let header =
                format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}   \n");
            for version in 1..=3 {
                let array = parse(&file(version, &header, &values)).unwrap();
                assert_eq!(array, NpyArray { shape: expected.to_vec(), values: values.clone() });
            }
        };
        check("()", &[]);
        check("(4,)", &[4]);
        check("(2, 3)", &[2, 3]);
        check("(0, 3)", &[0, 3]);
    }

    #[test]
    fn other_files_are_refused() {
        let check = |bytes: &[u8], expected: &str| {
            let error = parse(bytes).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        let header = |descr: &str, order: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n")
        };
        check(b"PK", "not a .npy file");
        check(b"\x93NUMPY\x09\x00", "unknown version");
        check(b"\x93NUMPY\x01\x00\xff\xff", "the header is cut off");
        check(&file(1, &header("<f4", "False", "(1,)"), &[1.0]), "expected 'descr': '<f8'");
        check(&file(1, &header("<f8", "True", "(1,)"), &[1.0]), "expected 'fortran_order': False");
        check(&file(1, &header("<f8", "False", "(2,)"), &[1.0]), "does not fit 8 bytes");
        check(&file(1, &header("<f8", "False", "(x,)"), &[1.0]), "wrong size");
        let huge = format!("({0}, {0})", u64::MAX);
        check(&file(1, &header("<f8", "False", &huge), &[1.0]), "does not fit 8 bytes");
    }

    #[test]
    fn errors_name_the_file() {
        let error = read_npy(Path::new("nowhere.npy")).unwrap_err().to_string();
        assert!(error.starts_with("nowhere.npy: "), "{error}");
    }
}
