//! Loads weight files with the tensor names of any known program into a network.

use std::path::Path;

use seqformer::{load_state_dict, network_shapes};
use seqformer_checkpoint::{CheckpointError, Provenance, StateDict, key_map};
use seqformer_config::config::NetworkDifference;
use tch::nn;

use crate::EngineError;
use crate::plan::NetworkPlan;

/// Logs what the reader of a file did: remarks for the user as warnings, the rest as information.
pub(crate) fn log_remarks(state: &StateDict, path: &Path) {
    for remark in &state.remarks {
        tracing::warn!("{}: {remark}", path.display());
    }
    for note in &state.notes {
        tracing::info!("{}: {note}", path.display());
    }
}

/// Renames the tensors of a file to the network's names, selects the required class rows, and logs what was done.
///
/// # Errors
///
/// A file whose tensors have the names of no known program.
pub(crate) fn translate(
    variables: &nn::VarStore,
    state: StateDict,
    network: &NetworkPlan,
    path: &Path,
) -> Result<StateDict, EngineError> {
    let shapes = network_shapes(variables);
    let mapping = key_map::to_vnext(state, Some(&shapes))
        .map_err(|reason| CheckpointError { path: path.to_path_buf(), reason })?;
    let mut names = mapping.report;
    names.check_input(&network.input);
    for warning in std::mem::take(&mut names.warnings) {
        tracing::warn!("{}: {warning}", path.display());
    }
    for change in names.sliced.iter().chain(&names.reinitialized) {
        tracing::warn!("{}: {}: {}", path.display(), change.name, change.what);
    }
    tracing::info!("{}: {names}", path.display());
    Ok(mapping.state)
}

/// Loads a checkpoint with the tensor names of any known program; all parameters must be present.
///
/// # Errors
///
/// If the file is of no known program, or lacks a tensor of the network.
pub(crate) fn load_weights(
    variables: &nn::VarStore,
    state: StateDict,
    network: &NetworkPlan,
    path: &Path,
) -> Result<(), EngineError> {
    let state = translate(variables, state, network, path)?;
    let report = load_state_dict(variables, &state)
        .map_err(|source| EngineError::Weights { path: path.to_path_buf(), source })?;
    tracing::info!("{}: {} tensors loaded", path.display(), report.loaded);
    Ok(())
}

/// Checks that weights written by this program are unchanged, and were trained with the network and input of the plan.
/// Weights of other programs are not checked.
///
/// # Errors
///
/// Changed tensors, or another network, with the differences.
pub(crate) fn check(
    state: &StateDict,
    provenance: &Provenance,
    network: &NetworkPlan,
    path: &Path,
) -> Result<(), EngineError> {
    check_hash(state, provenance, path)?;
    let differences = differences(provenance, network, path);
    if differences.is_empty() {
        return Ok(());
    }
    let differences: Vec<String> = differences.iter().map(ToString::to_string).collect();
    Err(EngineError::OtherNetwork { path: path.to_path_buf(), differences: differences.join("; ") })
}

/// Checks that the tensors are unchanged since they were written.
///
/// # Errors
///
/// If they are not.
pub(crate) fn check_hash(
    state: &StateDict,
    provenance: &Provenance,
    path: &Path,
) -> Result<(), EngineError> {
    if provenance.matches(state) {
        Ok(())
    } else {
        Err(EngineError::AlteredWeights { path: path.to_path_buf() })
    }
}

/// The differences between the network of the weights and that of the plan; empty if the weights do not record theirs.
pub(crate) fn differences(
    provenance: &Provenance,
    network: &NetworkPlan,
    path: &Path,
) -> Vec<NetworkDifference> {
    let Some(text) = &provenance.config else { return Vec::new() };
    network.differences(text, path)
}
