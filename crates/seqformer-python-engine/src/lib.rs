//! The part of the Python package `seqformer` that computes with libtorch: prediction, streams and training.
//!
//! Python opens it after `import torch`: it has no run path, so that the loader gives it the libtorch and the OpenMP runtime
//! that are already in the process. There is one build for each version of torch; `python/seqformer/_load_engine.py`
//! chooses among them, and is what the rest of the package imports.
//!
//! Everything is computed on threads of this crate with all signals blocked (`compute_thread`), while Python's thread waits
//! without its lock and looks for Ctrl-C (`work`). Iterators of the user are always asked for frames on the thread that
//! called.

#![forbid(unsafe_code)]

mod compute_thread;
mod failure;
mod frames;
mod loading;
mod predictor;
mod results;
mod stream;
mod trainer;
mod work;

/// What Python imports as `seqformer._engine`.
#[pyo3::pymodule]
mod _engine {
    use std::path::PathBuf;

    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::predictor::Predictor;
    #[pymodule_export]
    use crate::results::{Frame, Prediction};
    #[pymodule_export]
    use crate::stream::Stream;
    #[pymodule_export]
    use crate::trainer::Trainer;

    /// Names the `libseqformer_cuda` of the package, before the first GPU is used.
    #[pyfunction]
    fn use_gpu_library(path: PathBuf) {
        seqformer_cuda::library::use_library(path);
    }

    /// Where `libseqformer_cuda` is, or why there is none.
    #[pyfunction]
    fn gpu_library() -> PyResult<PathBuf> {
        seqformer_cuda::library::path().map_err(pyo3::exceptions::PyImportError::new_err)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        seqformer_python_logging::collect();
        // Torch has opened its part for GPUs: noted now, or a predictor on the CPU would rule out a later one on a GPU.
        seqformer_engine::count_gpus();
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
