//! Weight files in the names of any known program, on their way into a network.

use std::path::Path;

use seqformer::network_shapes;
use seqformer_checkpoint::{CheckpointError, StateDict, key_map};
use seqformer_config::Config;
use tch::nn;

use crate::{EngineError, builder};

/// Gives the tensors of a file the names that the network has for them, takes the class rows that it needs, and says
/// what was done.
///
/// # Errors
///
/// A file whose tensors have the names of no known program.
pub(crate) fn translate(
    variables: &nn::VarStore,
    state: StateDict,
    config: &Config,
    path: &Path,
) -> Result<StateDict, EngineError> {
    let shapes = network_shapes(variables);
    let mapping = key_map::to_vnext(state, Some(&shapes))
        .map_err(|reason| CheckpointError { path: path.to_path_buf(), reason })?;
    let mut names = mapping.report;
    names.check_input(&builder::input_convention(config));
    for warning in std::mem::take(&mut names.warnings) {
        tracing::warn!("{}: {warning}", path.display());
    }
    for change in names.sliced.iter().chain(&names.reinitialized) {
        tracing::warn!("{}: {}: {}", path.display(), change.name, change.what);
    }
    tracing::info!("{}: {names}", path.display());
    Ok(mapping.state)
}
