//! What a training checkpoint holds, as detectron2 lays it out.

use std::path::Path;

use seqformer::state_dict;
use seqformer_checkpoint::{CheckpointError, OWN_ENTRY, Provenance, StateDict, Value, hash};
use tch::nn;

use super::optimizer_state;
use super::position::Position;
use super::wrong;
use crate::{EngineError, Optimizer};

/// The parts of a checkpoint.
#[derive(Debug)]
pub(crate) struct TrainState<'a> {
    /// All parameters.
    pub(crate) variables: &'a nn::VarStore,
    /// Its groups and what it remembers.
    pub(crate) optimizer: &'a Optimizer,
    /// Where the training is.
    pub(crate) position: &'a Position,
    /// Factor of the learning rates at that place.
    pub(crate) lr_multiplier: f64,
    /// The configuration as YAML.
    pub(crate) config: &'a str,
    /// Names of the classes.
    pub(crate) classes: &'a [String],
}

impl TrainState<'_> {
    /// The checkpoint as a tree.
    ///
    /// # Errors
    ///
    /// If a tensor cannot be copied.
    pub(crate) fn to_tree(&self) -> Result<Value, EngineError> {
        let done = self.position.iterations;
        let iteration = Value::Int(done as i64 - 1);
        let base_lrs = self.optimizer.groups().iter().map(|group| Value::Float(group.lr)).collect();
        let schedule = Value::dict([
            ("base_lrs", Value::List(base_lrs)),
            ("last_epoch", Value::Int(done as i64)),
        ]);
        let trainer = Value::dict([
            ("iteration", iteration.clone()),
            ("hooks", Value::dict([("LRScheduler", schedule)])),
            (
                "_trainer",
                Value::dict([
                    ("iteration", iteration.clone()),
                    ("optimizer", optimizer_state::tree_of(self.optimizer, self.lr_multiplier)?),
                ]),
            ),
        ]);
        let model = state_dict(self.variables)?;
        let tensors = model.not_finite();
        if !tensors.is_empty() {
            return Err(EngineError::NotFiniteWeights {
                iterations: done,
                tensors: seqformer_checkpoint::few(&tensors),
            });
        }
        let provenance = Provenance {
            config: Some(self.config.to_owned()),
            classes: self.classes.to_vec(),
            hash: Some(hash(&model)),
        };
        let position = [
            ("run", Value::Text(self.position.run.clone())),
            ("seed", Value::Text(self.position.seed.to_string())),
            ("batches", Value::Int(self.position.batches as i64)),
            ("skipped_steps", Value::Int(self.position.skipped_steps as i64)),
            ("best_score", self.position.best_score.map_or(Value::None, Value::Float)),
            ("best_metric", self.position.best_metric.clone().map_or(Value::None, Value::Text)),
        ];
        let own = Value::dict(position.into_iter().chain(provenance.to_entries()));
        Ok(Value::dict([
            ("model", Value::from(&model)),
            ("trainer", trainer),
            ("iteration", iteration),
            (OWN_ENTRY, own),
        ]))
    }
}

/// The weights of a checkpoint.
///
/// # Errors
///
/// If it has none.
pub(crate) fn model_of(tree: &Value, path: &Path) -> Result<StateDict, EngineError> {
    let entries = tree.get("model").and_then(Value::as_dict);
    let entries =
        entries.ok_or_else(|| wrong(path, "expected a training checkpoint with `model`"))?;
    let arrays = entries
        .iter()
        .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.as_tensor()?.clone())));
    let state: StateDict = arrays.collect();
    let state = state
        .without_wrappers()
        .map_err(|reason| CheckpointError { path: path.to_path_buf(), reason })?;
    crate::initial_weights::log_remarks(&state, path);
    Ok(state)
}

/// What the checkpoint says of its weights; nothing if detectron2 wrote it.
pub(crate) fn provenance_of(tree: &Value) -> Provenance {
    let Some(own) = tree.get(OWN_ENTRY) else { return Provenance::default() };
    let text = |key: &str| own.get(key).and_then(Value::as_str).map(str::to_owned);
    let classes = own.get("classes").and_then(Value::as_list).unwrap_or_default();
    Provenance {
        config: text("config"),
        classes: classes.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        hash: text("hash"),
    }
}
