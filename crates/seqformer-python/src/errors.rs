//! Errors of the libraries as Python's exceptions, with the words of the command.

use std::fmt::Display;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use seqformer_checkpoint::CheckpointError as Checkpoint;
use seqformer_config::ConfigError as Settings;
use seqformer_convert::ConvertError;
use seqformer_data::DataError as Frames;
use seqformer_evaluation::EvaluationError;
use seqformer_export::ExportError;
use seqformer_files::OutputError as Output;
use seqformer_masks::MaskError;
use seqformer_report::ReportError;
use seqformer_training_data::TrainingDataError;

create_exception!(seqformer, SeqformerError, PyException, "What seqformer cannot do.");
create_exception!(
    seqformer,
    DataError,
    SeqformerError,
    "Annotations, results, masks or pictures that cannot be used."
);
create_exception!(seqformer, OutputError, SeqformerError, "A name that may not be written.");
create_exception!(
    seqformer,
    CheckpointError,
    SeqformerError,
    "A file of weights that cannot be used."
);
create_exception!(
    seqformer,
    ConfigError,
    SeqformerError,
    "A configuration that cannot be used: the key, what was found and what was expected."
);
create_exception!(
    seqformer,
    DeviceError,
    SeqformerError,
    "A device that is not there, or that has no memory left."
);

/// An error of this package's libraries.
pub(crate) trait IntoPython {
    /// Returns the exception.
    fn into_python(self) -> PyErr;
}

/// A mask, annotation or result that is wrong.
pub(crate) fn data(error: impl Display) -> PyErr {
    DataError::new_err(error.to_string())
}

fn output(error: impl Display) -> PyErr {
    OutputError::new_err(error.to_string())
}

impl IntoPython for PyErr {
    fn into_python(self) -> PyErr {
        self
    }
}

impl IntoPython for MaskError {
    fn into_python(self) -> PyErr {
        data(self)
    }
}

impl IntoPython for EvaluationError {
    fn into_python(self) -> PyErr {
        data(self)
    }
}

impl IntoPython for Output {
    fn into_python(self) -> PyErr {
        output(self)
    }
}

impl IntoPython for ConvertError {
    fn into_python(self) -> PyErr {
        match self {
            Self::Output(_)
            | Self::FolderInUse { .. }
            | Self::Write { .. }
            | Self::Unwritable(_) => output(self),
            other => data(other),
        }
    }
}

impl IntoPython for ExportError {
    fn into_python(self) -> PyErr {
        match self {
            Self::Convert(error) => error.into_python(),
            Self::Write { .. } | Self::SeveralFilms { .. } => output(self),
            other => data(other),
        }
    }
}

impl IntoPython for ReportError {
    fn into_python(self) -> PyErr {
        match self {
            Self::Output(_) | Self::InUse { .. } | Self::Write { .. } => output(self),
            other => data(other),
        }
    }
}

impl IntoPython for Frames {
    fn into_python(self) -> PyErr {
        data(self)
    }
}

impl IntoPython for Settings {
    fn into_python(self) -> PyErr {
        ConfigError::new_err(self.to_string())
    }
}

impl IntoPython for TrainingDataError {
    fn into_python(self) -> PyErr {
        match self {
            Self::Settings(text) => ConfigError::new_err(text),
            other => data(other),
        }
    }
}

impl IntoPython for Checkpoint {
    fn into_python(self) -> PyErr {
        CheckpointError::new_err(self.to_string())
    }
}
