//! What pycocotools' `mask` computes. Pixels and matrices cross as bytes: one copy, which no other thread changes.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict};
use seqformer_masks::{BoxXywh, ImageSize, IouMatrix, MaskError, Polygon, Rle};

use crate::errors::{IntoPython, data};
use crate::rle::{self, GivenRle};

/// Encodes masks `[H, W, N]`, a byte for each pixel in Fortran's order.
#[pyfunction]
pub(crate) fn encode_masks<'py>(
    py: Python<'py>,
    pixels: &[u8],
    height: u32,
    width: u32,
    count: usize,
) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let size = ImageSize { height, width }.checked().map_err(IntoPython::into_python)?;
    let num_pixels = size.num_pixels() as usize;
    if Some(pixels.len()) != num_pixels.checked_mul(count) {
        let found = pixels.len();
        return Err(data(format!("{count} masks of size {size}: found {found} bytes")));
    }
    let encode =
        |mask: usize| Rle::encode_column_major(size, &pixels[mask * num_pixels..][..num_pixels]);
    let encoded: Result<Vec<Rle>, MaskError> = py.detach(|| (0..count).map(encode).collect());
    rle::list(py, &encoded.map_err(IntoPython::into_python)?)
}

/// Decodes masks of one size. Returns `[H, W, N]`, 0 or 1, in Fortran's order, with height and width.
#[pyfunction]
pub(crate) fn decode_masks(
    py: Python<'_>,
    masks: Vec<GivenRle>,
) -> PyResult<(Bound<'_, PyByteArray>, [u32; 2])> {
    let masks = rle::all(masks);
    let size = masks.first().map_or(ImageSize { height: 0, width: 0 }, Rle::size);
    let decoded = py.detach(|| decode(&masks)).map_err(IntoPython::into_python)?;
    Ok((PyByteArray::new(py, &decoded), [size.height, size.width]))
}

/// Draws masks of one size, `[H, W, N]` in Fortran's order.
pub(crate) fn decode(masks: &[Rle]) -> Result<Vec<u8>, MaskError> {
    let size = masks.first().map_or(ImageSize { height: 0, width: 0 }, Rle::size);
    if let Some(other) = masks.iter().find(|mask| mask.size() != size) {
        return Err(MaskError::SizeMismatch { expected: size, found: other.size() });
    }
    let mut pixels = vec![0; size.num_pixels() as usize * masks.len()];
    let mut rest = pixels.as_mut_slice();
    for mask in masks {
        for (index, &count) in mask.counts().iter().enumerate() {
            let (run, behind) = rest.split_at_mut(count as usize);
            if index % 2 == 1 {
                run.fill(1);
            }
            rest = behind;
        }
    }
    Ok(pixels)
}

/// Returns the number of pixels of each mask.
#[pyfunction]
pub(crate) fn mask_areas(masks: Vec<GivenRle>) -> Vec<u64> {
    masks.iter().map(|GivenRle(mask)| mask.area()).collect()
}

/// Returns the tight box of each mask: x, y, width, height in pixels.
#[pyfunction]
pub(crate) fn mask_boxes(masks: Vec<GivenRle>) -> Vec<[f64; 4]> {
    masks.iter().map(|GivenRle(mask)| row(mask.bounding_box())).collect()
}

/// Returns a box as four numbers.
pub(crate) fn row(bounds: BoxXywh) -> [f64; 4] {
    [bounds.x, bounds.y, bounds.width, bounds.height]
}

/// Returns the IoU of each detection with each truth, `[D, G]` of doubles.
#[pyfunction]
pub(crate) fn mask_iou(
    py: Python<'_>,
    detections: Vec<GivenRle>,
    truths: Vec<GivenRle>,
    is_crowd: Vec<bool>,
) -> PyResult<Bound<'_, PyByteArray>> {
    check_crowds(truths.len(), is_crowd.len())?;
    let (detections, truths) = (rle::all(detections), rle::all(truths));
    let ious = py.detach(|| seqformer_masks::mask_iou(&detections, &truths, &is_crowd));
    Ok(matrix(py, &ious))
}

/// Returns the IoU of boxes, each x, y, width, height, `[D, G]` of doubles.
#[pyfunction]
pub(crate) fn box_iou(
    py: Python<'_>,
    detections: Vec<[f64; 4]>,
    truths: Vec<[f64; 4]>,
    is_crowd: Vec<bool>,
) -> PyResult<Bound<'_, PyByteArray>> {
    check_crowds(truths.len(), is_crowd.len())?;
    let (detections, truths) = (boxes(&detections), boxes(&truths));
    Ok(matrix(py, &seqformer_masks::box_iou(&detections, &truths, &is_crowd)))
}

fn check_crowds(expected: usize, found: usize) -> PyResult<()> {
    if expected == found {
        return Ok(());
    }
    Err(data(format!("iscrowd: expected a flag for each of the {expected} truths, found {found}")))
}

fn boxes(rows: &[[f64; 4]]) -> Vec<BoxXywh> {
    rows.iter().map(|&[x, y, width, height]| BoxXywh { x, y, width, height }).collect()
}

fn matrix<'py>(py: Python<'py>, ious: &IouMatrix) -> Bound<'py, PyByteArray> {
    let rows = (0..ious.num_detections()).flat_map(|detection| ious.row(detection));
    doubles(py, rows.copied())
}

/// Makes bytes of doubles, as NumPy reads them.
pub(crate) fn doubles(py: Python<'_>, values: impl Iterator<Item = f64>) -> Bound<'_, PyByteArray> {
    PyByteArray::new(py, &values.flat_map(f64::to_ne_bytes).collect::<Vec<u8>>())
}

/// Returns the union of masks, or what is in all of them.
#[pyfunction]
pub(crate) fn merge_masks(
    py: Python<'_>,
    masks: Vec<GivenRle>,
    intersect: bool,
) -> PyResult<Bound<'_, PyDict>> {
    let masks = rle::all(masks);
    let merge = if intersect { Rle::intersection } else { Rle::union };
    rle::to_python(py, &py.detach(|| merge(&masks)).map_err(IntoPython::into_python)?)
}

/// Draws polygons, each a list x, y, x, y, … in pixels, as one mask each.
#[pyfunction]
pub(crate) fn masks_from_polygons(
    py: Python<'_>,
    polygons: Vec<Vec<f64>>,
    height: u32,
    width: u32,
) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let size = ImageSize { height, width }.checked().map_err(IntoPython::into_python)?;
    let draw = |polygon: &Vec<f64>| Ok(Polygon::from_xy(polygon)?.rasterize(size));
    let masks: Result<Vec<Rle>, MaskError> = polygons.iter().map(draw).collect();
    rle::list(py, &masks.map_err(IntoPython::into_python)?)
}

/// Fills boxes, each given as x, y, width, height.
#[pyfunction]
pub(crate) fn masks_from_boxes(
    py: Python<'_>,
    rows: Vec<[f64; 4]>,
    height: u32,
    width: u32,
) -> PyResult<Vec<Bound<'_, PyDict>>> {
    let corners = |bounds: &BoxXywh| {
        let (x0, y0) = (bounds.x, bounds.y);
        let (x1, y1) = (x0 + bounds.width, y0 + bounds.height);
        vec![x0, y0, x0, y1, x1, y1, x1, y0]
    };
    let polygons = boxes(&rows).iter().map(corners).collect();
    masks_from_polygons(py, polygons, height, width)
}

/// Compresses run lengths, given as text or as lists of numbers.
#[pyfunction]
pub(crate) fn masks_from_runs(
    py: Python<'_>,
    masks: Vec<GivenRle>,
) -> PyResult<Vec<Bound<'_, PyDict>>> {
    rle::list(py, &rle::all(masks))
}
