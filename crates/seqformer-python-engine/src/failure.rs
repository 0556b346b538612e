//! Errors as Python's exceptions, with the words of the command.

use anyhow::Error;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use seqformer_checkpoint::CheckpointError;
use seqformer_cli::output;
use seqformer_config::ConfigError;
use seqformer_data::DataError;
use seqformer_engine::EngineError;
use seqformer_models::ModelsError;
use seqformer_video::VideoError;

/// Where the package has its exceptions.
const MODULE: &str = "seqformer";

/// Turns an error into the exception of its kind.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let text = output::describe(error);
    let kind = error.chain().find_map(kind).unwrap_or("SeqformerError");
    let class = py.import(MODULE).and_then(|module| module.getattr(kind));
    match class.and_then(|class| class.call1((&text,))) {
        Ok(instance) => PyErr::from_value(instance),
        Err(_no_package) => PyRuntimeError::new_err(text),
    }
}

/// An exception for an argument that cannot be used.
pub(crate) fn argument(text: String) -> PyErr {
    pyo3::exceptions::PyValueError::new_err(text)
}

/// The name of the exception; `None` if a cause may say more.
fn kind(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<EngineError>() {
        return of_engine(error);
    }
    if error.is::<CheckpointError>() || error.is::<ModelsError>() {
        Some("CheckpointError")
    } else if error.is::<DataError>() || error.is::<VideoError>() {
        Some("DataError")
    } else if error.is::<ConfigError>() {
        Some("ConfigError")
    } else {
        None
    }
}

fn of_engine(error: &EngineError) -> Option<&'static str> {
    match error {
        EngineError::Device { .. } | EngineError::DeviceMemory { .. } => Some("DeviceError"),
        EngineError::Checkpoint(_)
        | EngineError::Weights { .. }
        | EngineError::OtherNetwork { .. }
        | EngineError::AlteredWeights { .. }
        | EngineError::Resume { .. } => Some("CheckpointError"),
        EngineError::NoFrames
        | EngineError::Frame(_)
        | EngineError::FrameSize { .. }
        | EngineError::Data(_)
        | EngineError::TrainingData(_)
        | EngineError::TestDataset { .. }
        | EngineError::Evaluation(_) => Some("DataError"),
        EngineError::Unwritable { .. } | EngineError::FolderInUse { .. } => Some("OutputError"),
        EngineError::Unsupported(_) => Some("ConfigError"),
        _ => None,
    }
}
