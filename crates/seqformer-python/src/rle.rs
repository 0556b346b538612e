//! Run lengths as pycocotools has them: dictionaries with `size` and `counts`.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use seqformer_masks::{ImageSize, Rle};

use crate::errors::{IntoPython, data};

/// A mask that Python gave.
#[derive(Debug)]
pub(crate) struct GivenRle(pub(crate) Rle);

impl<'py> FromPyObject<'_, 'py> for GivenRle {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        read(&object).map(Self)
    }
}

/// Reads `{"size": [height, width], "counts": text or list}`.
fn read(object: &Bound<'_, PyAny>) -> PyResult<Rle> {
    let wrong = |found: &str| {
        data(format!(
            "run lengths: expected a dictionary with size [height, width] and counts, found {found}"
        ))
    };
    let Ok(mask) = object.cast::<PyDict>() else {
        return Err(wrong(&object.get_type().name()?.to_string()));
    };
    let (Some(size), Some(counts)) = (mask.get_item("size")?, mask.get_item("counts")?) else {
        return Err(wrong("one without them"));
    };
    let Ok([height, width]) = size.extract::<[u32; 2]>() else {
        return Err(wrong(&format!("the size {size}")));
    };
    let size = ImageSize { height, width }.checked().map_err(IntoPython::into_python)?;
    let parsed = if let Ok(bytes) = counts.cast::<PyBytes>() {
        let Ok(text) = std::str::from_utf8(bytes.as_bytes()) else {
            return Err(data(
                "compressed run lengths: expected characters in '0'..='o', found other bytes",
            ));
        };
        Rle::parse_compressed(size, text)
    } else if let Ok(text) = counts.cast::<PyString>() {
        Rle::parse_compressed(size, &text.to_cow()?)
    } else if let Ok(counts) = counts.extract::<Vec<u32>>() {
        Rle::from_counts(size, counts)
    } else {
        return Err(wrong(&format!("counts of type {}", counts.get_type().name()?)));
    };
    parsed.map_err(IntoPython::into_python)
}

/// Takes the masks out of their wrappers.
pub(crate) fn all(masks: Vec<GivenRle>) -> Vec<Rle> {
    masks.into_iter().map(|GivenRle(mask)| mask).collect()
}

/// Makes a dictionary as pycocotools does, with the runs as bytes.
pub(crate) fn to_python<'py>(py: Python<'py>, mask: &Rle) -> PyResult<Bound<'py, PyDict>> {
    let ImageSize { height, width } = mask.size();
    let written = PyDict::new(py);
    written.set_item("size", [height, width])?;
    written.set_item("counts", PyBytes::new(py, mask.to_compressed().as_bytes()))?;
    Ok(written)
}

/// Makes a list of dictionaries.
pub(crate) fn list<'py>(py: Python<'py>, masks: &[Rle]) -> PyResult<Vec<Bound<'py, PyDict>>> {
    masks.iter().map(|mask| to_python(py, mask)).collect()
}
