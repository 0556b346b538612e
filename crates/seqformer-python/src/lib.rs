//! The compiled part of the Python package `seqformer`: masks, annotations, conversion, evaluation, reports and
//! checkpoints, without the network.
//!
//! The package `python/seqformer` is what users see; it gives these functions their arguments in checked form and makes
//! objects of what they return. Structured numbers cross as JSON, masks and boxes as NumPy arrays.
#![forbid(unsafe_code)]

mod clips;
mod datasets;
mod errors;
mod evaluation;
mod masks;
mod report;
mod rle;
mod run;
mod videos;
mod weights;

/// What Python imports as `seqformer._core`.
#[pyo3::pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::clips::TrainingClips;
    #[pymodule_export]
    use crate::datasets::{check_dataset, convert_dataset, dataset_statistics, format_names};
    #[pymodule_export]
    use crate::errors::{
        CheckpointError, ConfigError, DataError, DeviceError, OutputError, SeqformerError,
    };
    #[pymodule_export]
    use crate::evaluation::{compare_results, evaluate_files, precision_recall};
    #[pymodule_export]
    use crate::masks::{
        box_iou, decode_masks, encode_masks, mask_areas, mask_boxes, mask_iou, masks_from_boxes,
        masks_from_polygons, masks_from_runs, merge_masks,
    };
    #[pymodule_export]
    use crate::report::write_report;
    #[pymodule_export]
    use crate::videos::{Videos, export_kinds, read_dataset, read_results};
    #[pymodule_export]
    use crate::weights::inspect_weights;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        seqformer_python_logging::collect();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
