//! What was found, as Python sees it.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use seqformer::inference::Detection;
use seqformer_cli::class_names::Class;
use seqformer_engine::{TrackedFrame, VideoPrediction};
use seqformer_masks::{BitMask, ImageSize, Rle};

use crate::failure::exception;

/// A frame whose masks are final.
#[derive(Debug)]
pub(crate) struct FoundFrame {
    pub(crate) frame: TrackedFrame,
    pub(crate) size: ImageSize,
}

/// The objects of a frame whose masks are final.
#[pyclass(frozen, module = "seqformer._engine")]
#[derive(Debug)]
pub(crate) struct Frame {
    /// Number of the frame, from 0.
    #[pyo3(get)]
    index: usize,
    size: ImageSize,
    objects: Vec<Object>,
}

#[derive(Debug)]
struct Object {
    track_id: u64,
    label: usize,
    score: f32,
    mask: Rle,
}

impl Frame {
    /// Objects with pixels on the frame and a score of at least `threshold`, each with its best class so far.
    pub(crate) fn new(FoundFrame { frame: found, size }: FoundFrame, threshold: f32) -> Self {
        let best =
            |best: (usize, f32), next: (usize, f32)| if next.1 > best.1 { next } else { best };
        let objects = found.tracks.into_iter().filter_map(|track| {
            let (label, score) = track.class_probs.iter().copied().enumerate().reduce(best)?;
            let is_seen = score >= threshold && track.mask.area() > 0;
            let track_id = track.track as u64 + 1;
            is_seen.then_some(Object { track_id, label, score, mask: track.mask })
        });
        Self { index: found.frame, size, objects: objects.collect() }
    }
}

#[pymethods]
impl Frame {
    /// As in `tracks.jsonl`, from 1.
    #[getter]
    fn track_ids(&self) -> Vec<u64> {
        self.objects.iter().map(|object| object.track_id).collect()
    }

    /// Classes, from 0.
    #[getter]
    fn labels(&self) -> Vec<usize> {
        self.objects.iter().map(|object| object.label).collect()
    }

    #[getter]
    fn scores(&self) -> Vec<f32> {
        self.objects.iter().map(|object| object.score).collect()
    }

    /// x, y, width and height of the masks, in pixels.
    #[getter]
    fn boxes(&self) -> Vec<[f64; 4]> {
        let boxes = self.objects.iter().map(|object| {
            let around = object.mask.bounding_box();
            [around.x, around.y, around.width, around.height]
        });
        boxes.collect()
    }

    /// Height and width.
    #[getter]
    fn size(&self) -> (u32, u32) {
        (self.size.height, self.size.width)
    }

    /// `[I, H, W]`, a byte for each pixel, 0 or 1.
    fn masks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyByteArray>> {
        let masks = py.detach(|| {
            self.objects.iter().map(|object| object.mask.decode()).collect::<Vec<BitMask>>()
        });
        let per_mask = self.size.num_pixels() as usize;
        PyByteArray::new_with(py, masks.len() * per_mask, |bytes| {
            for (place, mask) in bytes.chunks_exact_mut(per_mask.max(1)).zip(&masks) {
                place.copy_from_slice(mask.as_bytes());
            }
            Ok(())
        })
    }
}

/// The objects of a whole video.
#[pyclass(frozen, module = "seqformer._engine")]
#[derive(Debug)]
pub(crate) struct Prediction {
    pub(crate) found: VideoPrediction,
    pub(crate) classes: Arc<[Class]>,
    pub(crate) score_threshold: Option<f64>,
    /// Name of the video, for a file or folder.
    #[pyo3(get)]
    pub(crate) name: Option<String>,
    /// File names of the frames, for a folder.
    #[pyo3(get)]
    pub(crate) image_names: Option<Vec<String>>,
}

#[pymethods]
impl Prediction {
    #[getter]
    fn height(&self) -> u32 {
        self.found.size.height
    }

    #[getter]
    fn width(&self) -> u32 {
        self.found.size.width
    }

    #[getter]
    fn num_frames(&self) -> usize {
        self.found.num_frames
    }

    /// The results as the command writes them: a list in JSON.
    fn results_json(&self, py: Python<'_>, video_id: i64) -> PyResult<String> {
        let rows = py.detach(|| {
            let threshold = self.score_threshold;
            let kept =
                self.found.detections.iter().filter(|found| {
                    threshold.is_none_or(|threshold| found.score > threshold as f32)
                });
            let row = |found: &Detection| -> anyhow::Result<String> {
                let category_id = self.classes[found.label].id as i64;
                Ok(self.found.result(found, video_id, category_id)?.to_json())
            };
            kept.map(row).collect::<anyhow::Result<Vec<String>>>()
        });
        let rows = rows.map_err(|error| exception(py, &error))?;
        Ok(format!("[{}]", rows.join(", ")))
    }
}
