//! The optimizer's part of a checkpoint, as PyTorch lays it out.

use std::path::Path;

use seqformer_checkpoint::{Array, DType, Value};
use tch::{Device, Kind, Tensor};

use super::wrong;
use crate::{EngineError, Optimizer, OptimizerKind, TensorState};

/// What the optimizer remembers, and its groups with learning rates times `lr_multiplier`.
///
/// # Errors
///
/// If a tensor cannot be copied.
pub(super) fn tree_of(optimizer: &Optimizer, lr_multiplier: f64) -> Result<Value, EngineError> {
    let (mut states, mut groups) = (Vec::new(), Vec::new());
    for (index, group) in optimizer.groups().iter().enumerate() {
        if let Some(state) = optimizer.state(index) {
            let tensors =
                state.tensors().into_iter().map(|(name, tensor)| Ok((name, tensor_value(tensor)?)));
            let tensors = tensors.collect::<Result<Vec<_>, EngineError>>()?;
            states.push((Value::Int(index as i64), Value::dict(tensors)));
        }
        let mut entries = vec![
            ("lr", Value::Float(group.lr * lr_multiplier)),
            ("initial_lr", Value::Float(group.lr)),
            ("weight_decay", Value::Float(group.weight_decay)),
        ];
        entries.extend(rule_entries(optimizer));
        entries.push(("params", Value::List(vec![Value::Int(index as i64)])));
        groups.push(Value::dict(entries));
    }
    Ok(Value::dict([("state", Value::Dict(states)), ("param_groups", Value::List(groups))]))
}

/// What PyTorch's optimizer keeps in each group besides rates.
fn rule_entries(optimizer: &Optimizer) -> Vec<(&'static str, Value)> {
    match optimizer.kind() {
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
            index.ok_or_else(|| wrong(path, "a parameter of the optimizer has no index"))?;
        let tensor = |name: &str| -> Result<Tensor, EngineError> {
            let value = state
                .get(name)
                .ok_or_else(|| wrong(path, &format!("parameter {index} has no {name}")))?;
            let broken = value.as_tensor().map_or(0, |array| array.count_not_finite().nan);
            if broken > 0 {
                let what = format!(
                    "{name} of parameter {index} of the optimizer has {broken} values that are not finite; resume \
                     from an earlier checkpoint"
                );
                return Err(wrong(path, &what));
            }
            let number = value.as_f64().map(|number| Tensor::from(number as f32));
            number
                .or_else(|| array_tensor(value.as_tensor()?))
                .ok_or_else(|| wrong(path, &format!("{name} of parameter {index} is not numeric")))
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
