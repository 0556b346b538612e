//! Training clips as arrays: the reader and the augmentations of the training, for trainings that Python runs.

use std::path::{Path, PathBuf};

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict};
use seqformer_config::{CfgNode, Config};
use seqformer_data::{ClipSample, ClipSource as _, Purpose, Random, StreamEntry, TrainingSet};
use seqformer_training_data::{DataPlan, TrainingData, training_data};

use crate::errors::IntoPython;
use crate::run;

/// The items that a configuration trains on.
#[pyclass(frozen, module = "seqformer._core")]
#[derive(Debug)]
pub(crate) struct TrainingClips {
    set: TrainingSet,
    /// Names of the classes, in the order of the labels.
    #[pyo3(get)]
    class_names: Vec<String>,
    /// Their ids in the first dataset.
    #[pyo3(get)]
    class_ids: Vec<u64>,
    /// What was left out or changed.
    #[pyo3(get)]
    notes: Vec<String>,
}

#[pymethods]
impl TrainingClips {
    #[new]
    fn new(py: Python<'_>, config: PathBuf, pairs: Vec<String>) -> PyResult<Self> {
        let TrainingData { set, categories, notes } = run::read(py, move || read(&config, &pairs))?;
        let (class_names, class_ids) = (categories.names().to_vec(), categories.ids().to_vec());
        Ok(Self { set, class_names, class_ids, notes })
    }

    fn __len__(&self) -> usize {
        self.set.lengths().iter().sum()
    }

    /// Draws a clip of an item; `draw` tells several draws of one item apart.
    fn load<'py>(
        &self,
        py: Python<'py>,
        index: usize,
        draw: u64,
        seed: u64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let lengths = self.set.lengths();
        let total = lengths.iter().sum::<usize>();
        let mut record = index;
        let mut dataset = 0;
        while let Some(&length) = lengths.get(dataset).filter(|&&length| record >= length) {
            record -= length;
            dataset += 1;
        }
        if dataset == lengths.len() {
            return Err(PyIndexError::new_err(format!(
                "expected an item below {total}, found {index}"
            )));
        }
        let position = draw.wrapping_mul(total as u64).wrapping_add(index as u64);
        let entry = StreamEntry { position, dataset, record };
        let mut random = Random::new(seed, Purpose::Sample, position);
        let clip = py.detach(|| self.set.sample(entry, &mut random));
        seqformer_python_logging::hand_over(py)?;
        arrays(py, &clip.map_err(IntoPython::into_python)?)
    }
}

fn read(config: &Path, pairs: &[String]) -> PyResult<TrainingData> {
    let settings = || {
        let mut node = CfgNode::defaults();
        node.merge_from_file(config)?;
        node.merge_from_list(pairs)?;
        Config::try_from(&node)
    };
    let mut plan = DataPlan::from_config(&settings().map_err(IntoPython::into_python)?);
    // The network is the caller's, and so is the number of its classes.
    plan.num_classes = usize::MAX;
    training_data(&plan).map_err(IntoPython::into_python)
}

/// Frames `[T, H, W, 3]` and masks `[I, T, H, W]` as bytes, all else as lists.
fn arrays<'py>(py: Python<'py>, clip: &ClipSample) -> PyResult<Bound<'py, PyDict>> {
    let size = clip.size();
    let per_mask = size.num_pixels() as usize;
    let of_instances = || clip.instances.iter().flat_map(|instance| &instance.frames);
    let frames = PyByteArray::new_with(py, 3 * per_mask * clip.frames.len(), |bytes| {
        for (place, frame) in bytes.chunks_exact_mut(3 * per_mask).zip(&clip.frames) {
            place.copy_from_slice(&frame.pixels);
        }
        Ok(())
    })?;
    let masks = PyByteArray::new_with(py, per_mask * of_instances().count(), |bytes| {
        for (place, found) in bytes.chunks_exact_mut(per_mask).zip(of_instances()) {
            place.copy_from_slice(found.mask.as_bytes());
        }
        Ok(())
    })?;
    let boxes =
        of_instances().map(|found| [found.bbox.x0, found.bbox.y0, found.bbox.x1, found.bbox.y1]);
    let values = PyDict::new(py);
    values.set_item("video_id", clip.video_id)?;
    values.set_item("frame_indices", &clip.frame_indices)?;
    values.set_item("size", (size.height, size.width))?;
    values.set_item("frames", frames)?;
    values.set_item("masks", masks)?;
    values.set_item("boxes", boxes.collect::<Vec<[f64; 4]>>())?;
    values
        .set_item("visible", of_instances().map(|found| found.is_visible).collect::<Vec<bool>>())?;
    let instances = clip.instances.iter();
    values
        .set_item("labels", instances.clone().map(|found| found.label).collect::<Vec<usize>>())?;
    values.set_item("track_ids", instances.map(|found| found.track_id).collect::<Vec<u64>>())?;
    values.set_item("complete_classes", &clip.exhaustive)?;
    Ok(values)
}
