//! Files of weights.

use std::path::PathBuf;

use pyo3::prelude::*;
use seqformer_checkpoint::weights::inspect;
use serde_json::{Map, Value, json};

use crate::run;

/// Looks into a file of weights. Returns JSON.
#[pyfunction]
pub(crate) fn inspect_weights(py: Python<'_>, file: PathBuf) -> PyResult<String> {
    let found = run::read(py, move || inspect(&file))?;
    let dtypes: Map<String, Value> =
        found.dtypes.iter().map(|(dtype, count)| (dtype.to_string(), json!(count))).collect();
    let tensors = found.state.iter().map(|(name, array)| {
        json!({"name": name, "dtype": array.dtype().to_string(), "shape": array.shape()})
    });
    let tensors: Vec<Value> = tensors.collect();
    let told = json!({
        "names": found.dialect.to_string(),
        "backbone": found.architecture.as_ref().map(ToString::to_string),
        "num_classes": found.num_classes,
        "num_tensors": found.num_tensors,
        "num_elements": found.num_elements,
        "dtypes": dtypes,
        "num_bytes": found.size_bytes,
        "sha256": found.sha256,
        "metadata": found.state.metadata,
        "notes": found.state.remarks.iter().chain(&found.state.notes).collect::<Vec<_>>(),
        "not_finite": found.not_finite,
        "tensors": tensors,
    });
    Ok(told.to_string())
}
