//! Weight files in the names of any known program, on their way into a network.

use std::path::Path;

use seqformer::{load_state_dict, network_shapes};
use seqformer_checkpoint::{CheckpointError, Provenance, StateDict, key_map};
use seqformer_config::config::NetworkDifference;
use tch::nn;

use crate::EngineError;
use crate::plan::NetworkPlan;

/// Says what the reader of a file did: what the user should know as a warning, the rest as information.
pub(crate) fn tell(state: &StateDict, path: &Path) {
    for remark in &state.remarks {
        tracing::warn!("{}: {remark}", path.display());
    }
    for note in &state.notes {
        tracing::info!("{}: {note}", path.display());
    }
}

/// Gives the tensors of a file the names that the network has for them, takes the class rows that it needs, and says
/// what was done.
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

/// Fills a network from a checkpoint in the names of any known program, completely.
///
/// # Errors
///
/// A file of no known program, or one that lacks a tensor of the network.
pub(crate) fn fill(
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

/// Checks that weights which this program wrote are whole, and were trained with the network and the input of
/// the plan; those of other programs may be any.
///
/// # Errors
///
/// Other tensors than were written, or another network, with what differs.
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

/// Checks that the tensors are those that were written.
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

/// What differs between the network of the weights and that of the plan; nothing where the weights do not say.
pub(crate) fn differences(
    provenance: &Provenance,
    network: &NetworkPlan,
    path: &Path,
) -> Vec<NetworkDifference> {
    let Some(text) = &provenance.config else { return Vec::new() };
    network.differences(text, path)
}
