//! What a training checkpoint holds, as detectron2 lays it out.

use std::path::Path;

use seqformer::state_dict;
use seqformer_checkpoint::{
    Array, CheckpointError, DType, OWN_ENTRY, Provenance, StateDict, Value, hash,
};
use tch::{Device, Kind, Tensor, nn};

use super::position::{Position, new_run};
use crate::{EngineError, Optimizer, OptimizerKind, TensorState};

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
                    ("optimizer", self.optimizer_tree()?),
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

    fn optimizer_tree(&self) -> Result<Value, EngineError> {
        let (mut states, mut groups) = (Vec::new(), Vec::new());
        for (index, group) in self.optimizer.groups().iter().enumerate() {
            if let Some(state) = self.optimizer.state(index) {
                let tensors = state
                    .tensors()
                    .into_iter()
                    .map(|(name, tensor)| Ok((name, tensor_value(tensor)?)));
                let tensors = tensors.collect::<Result<Vec<_>, EngineError>>()?;
                states.push((Value::Int(index as i64), Value::dict(tensors)));
            }
            let mut entries = vec![
                ("lr", Value::Float(group.lr * self.lr_multiplier)),
                ("initial_lr", Value::Float(group.lr)),
                ("weight_decay", Value::Float(group.weight_decay)),
            ];
            entries.extend(self.rule_entries());
            entries.push(("params", Value::List(vec![Value::Int(index as i64)])));
            groups.push(Value::dict(entries));
        }
        Ok(Value::dict([("state", Value::Dict(states)), ("param_groups", Value::List(groups))]))
    }

    /// What PyTorch's optimizer keeps in each group besides rates.
    fn rule_entries(&self) -> Vec<(&'static str, Value)> {
        match self.optimizer.kind() {
            OptimizerKind::AdamW { beta1, beta2, eps } => vec![
                ("betas", Value::Tuple(vec![Value::Float(beta1), Value::Float(beta2)])),
                ("eps", Value::Float(eps)),
                ("amsgrad", Value::Bool(false)),
                ("maximize", Value::Bool(false)),
                ("foreach", Value::None),
                ("capturable", Value::Bool(false)),
                ("differentiable", Value::Bool(false)),
                ("fused", Value::None),
                ("decoupled_weight_decay", Value::Bool(true)),
            ],
            OptimizerKind::Sgd { momentum } => vec![
                ("momentum", Value::Float(momentum)),
                ("dampening", Value::Float(0.0)),
                ("nesterov", Value::Bool(false)),
                ("maximize", Value::Bool(false)),
                ("foreach", Value::None),
                ("differentiable", Value::Bool(false)),
                ("fused", Value::None),
            ],
        }
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
    crate::initial_weights::tell(&state, path);
    Ok(state)
}

/// The iterations of a checkpoint, and the run that wrote it.
///
/// # Errors
///
/// If the file does not say how far the training was.
pub(super) fn outline_of(tree: &Value, path: &Path) -> Result<(u64, Option<String>), EngineError> {
    let iterations = iterations_of(tree, path)?;
    Ok((iterations, run_of(tree).map(str::to_owned)))
}

/// The run that wrote a checkpoint, if it says so.
pub(super) fn run_of(tree: &Value) -> Option<&str> {
    tree.get(OWN_ENTRY)?.get("run")?.as_str()
}

fn iterations_of(tree: &Value, path: &Path) -> Result<u64, EngineError> {
    let last = tree.get("iteration").and_then(Value::as_i64);
    let last =
        last.ok_or_else(|| wrong(path, "expected a training checkpoint with `iteration`"))?;
    let iterations = last.checked_add(1).and_then(|count| u64::try_from(count).ok());
    iterations.ok_or_else(|| wrong(path, "expected a count as `iteration`, found another number"))
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

/// Where the training of a checkpoint was; for one that detectron2 wrote, as far as it says.
///
/// # Errors
///
/// If the checkpoint does not say how far the training was.
pub(crate) fn position_of(tree: &Value, path: &Path, seed: u64) -> Result<Position, EngineError> {
    let iterations = iterations_of(tree, path)?;
    let own = tree.get(OWN_ENTRY);
    let number = |key: &str| own.and_then(|own| own.get(key)).and_then(Value::as_i64);
    let saved_seed = own.and_then(|own| own.get("seed")).and_then(Value::as_str);
    Ok(Position {
        iterations,
        batches: number("batches").map_or(iterations, |batches| batches as u64),
        seed: saved_seed.and_then(|seed| seed.parse().ok()).unwrap_or(seed),
        skipped_steps: number("skipped_steps").unwrap_or(0) as u64,
        best_score: own.and_then(|own| own.get("best_score")).and_then(Value::as_f64),
        best_metric: own
            .and_then(|own| own.get("best_metric"))
            .and_then(Value::as_str)
            .map(str::to_owned),
        // A word is a part of a line for other processes.
        run: run_of(tree)
            .filter(|run| !run.is_empty() && !run.contains(char::is_whitespace))
            .map_or_else(new_run, str::to_owned),
    })
}

/// Gives the optimizer what the checkpoint remembers.
///
/// # Errors
///
/// If the state is missing, or of another optimizer.
pub(crate) fn restore_optimizer(
    tree: &Value,
    optimizer: &mut Optimizer,
    path: &Path,
) -> Result<(), EngineError> {
    let saved = tree.get("trainer").and_then(|trainer| trainer.get("_trainer")?.get("optimizer"));
    let saved = saved.ok_or_else(|| wrong(path, "expected the state of an optimizer"))?;
    let groups = saved.get("param_groups").and_then(Value::as_list).map_or(0, <[Value]>::len);
    if groups != optimizer.groups().len() {
        let what = format!(
            "expected an optimizer of {} parameters, found {groups}; the configuration trains another model",
            optimizer.groups().len()
        );
        return Err(wrong(path, &what));
    }
    let states = saved.get("state").and_then(Value::as_dict).unwrap_or_default();
    for (index, state) in states {
        let index = index.as_i64().and_then(|index| usize::try_from(index).ok());
        let index =
            index.ok_or_else(|| wrong(path, "a parameter of the optimizer has no number"))?;
        let tensor = |name: &str| -> Result<Tensor, EngineError> {
            let value = state
                .get(name)
                .ok_or_else(|| wrong(path, &format!("parameter {index} has no {name}")))?;
            let broken = value.as_tensor().map_or(0, |array| array.count_not_finite().nan);
            if broken > 0 {
                let what = format!(
                    "{name} of parameter {index} of the optimizer has {broken} values that are not numbers; go on \
                     from an earlier checkpoint"
                );
                return Err(wrong(path, &what));
            }
            let number = value.as_f64().map(|number| Tensor::from(number as f32));
            number.or_else(|| array_tensor(value.as_tensor()?)).ok_or_else(|| {
                wrong(path, &format!("{name} of parameter {index} is not made of numbers"))
            })
        };
        let state = match optimizer.kind() {
            OptimizerKind::AdamW { .. } => TensorState::AdamW {
                step: tensor("step")?,
                exp_avg: tensor("exp_avg")?,
                exp_avg_sq: tensor("exp_avg_sq")?,
            },
            OptimizerKind::Sgd { .. } => {
                TensorState::Sgd { momentum_buffer: tensor("momentum_buffer")? }
            }
        };
        optimizer.set_state(index, Some(state))?;
    }
    Ok(())
}

fn wrong(path: &Path, what: &str) -> EngineError {
    EngineError::Resume { path: path.to_path_buf(), what: what.to_owned() }
}

fn tensor_value(tensor: &Tensor) -> Result<Value, EngineError> {
    let tensor = tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    let mut values = vec![0.0_f32; tensor.numel()];
    tensor.f_copy_data(&mut values, tensor.numel())?;
    let shape: Vec<usize> = tensor.size().iter().map(|&side| side as usize).collect();
    let array =
        Array::from_f32(&shape, &values).expect("there are as many values as the tensor has");
    Ok(Value::Tensor(array))
}

fn array_tensor(array: &Array) -> Option<Tensor> {
    let size: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
    let is_number = array.dtype().is_float() || matches!(array.dtype(), DType::I64 | DType::I32);
    is_number.then(|| Tensor::from_slice(&array.to_f32_vec()).view(size.as_slice()))
}
