//! Loads checkpoints into a network, and exports its parameters.

use std::collections::{BTreeMap, BTreeSet};

use seqformer_checkpoint::key_map::{FURTHER_GROUPS, Shapes};
use seqformer_checkpoint::{Array, DType, StateDict};
use tch::{Device, Kind, Tensor, nn};

use crate::ModelError;
use crate::load_report::{LoadReport, WrongShape};

/// The second name of the box heads, in the detector.
const ALIAS: &str = "detr.detr.bbox_embed.";
/// Their first name, in the decoder.
const ALIASED: &str = "detr.detr.transformer.decoder.bbox_embed.";
/// Prefix of the backbone.
const BACKBONE: &str = "detr.detr.backbone.0.backbone.";

impl LoadReport {
    /// The convolutions of a ResNet whose frozen statistics do not match their outputs: those that are initialized
    /// randomly, and those whose normalization the file lacks.
    ///
    /// A file with only scale and bias is not affected: its statistics are folded in.
    pub fn uncalibrated_convolutions(&self, vs: &nn::VarStore) -> BTreeSet<String> {
        let not_filled: BTreeSet<&str> = self
            .missing
            .iter()
            .map(String::as_str)
            .chain(self.wrong_shape.iter().map(|wrong| wrong.name.as_str()))
            .collect();
        let is_filled = |name: String| !not_filled.contains(name.as_str());
        let variables = sorted_variables(vs);
        let convolutions = variables.keys().filter_map(|name| {
            name.starts_with(BACKBONE).then(|| name.strip_suffix(".norm.running_mean"))?
        });
        let needs_statistics = |conv: &&str| {
            let [mean, variance, scale] = ["running_mean", "running_var", "weight"]
                .map(|part| is_filled(format!("{conv}.norm.{part}")));
            let is_folded = !mean && !variance && scale;
            !is_filled(format!("{conv}.weight")) || !(mean && variance || is_folded)
        };
        convolutions.filter(needs_statistics).map(str::to_owned).collect()
    }
}

/// Loads every parameter and buffer of `vs` from `state`, or none.
///
/// The names are those of VNext; [`seqformer_checkpoint::key_map::to_vnext`] translates others.
///
/// # Errors
///
/// If a parameter is missing, left over, of another shape, or not finite.
pub fn load_state_dict(vs: &nn::VarStore, state: &StateDict) -> Result<LoadReport, ModelError> {
    let variables = sorted_variables(vs);
    let Plan { pairs, mut report } = plan(&variables, state);
    if !report.is_complete() {
        return Err(ModelError::Weights { report: Box::new(report) });
    }
    fill(&pairs)?;
    report.loaded = pairs.len();
    Ok(report)
}

/// Loads the tensors of `state` that have the right shape, to start training from partial weights.
///
/// All other parameters stay unchanged; the report lists them.
///
/// # Errors
///
/// If the file has less than half of the backbone, and so belongs to another network, or if a tensor is not finite.
/// Nothing is loaded then.
pub fn load_matching(vs: &nn::VarStore, state: &StateDict) -> Result<LoadReport, ModelError> {
    let variables = sorted_variables(vs);
    let Plan { pairs, mut report } = plan(&variables, state);
    let is_backbone = |name: &&String| name.starts_with(BACKBONE);
    let wanted = variables.keys().filter(is_backbone).count();
    let found = pairs.iter().map(|(name, ..)| *name).filter(is_backbone).count();
    if 2 * found < wanted {
        return Err(ModelError::Weights { report: Box::new(report) });
    }
    fill(&pairs)?;
    report.loaded = pairs.len();
    Ok(report)
}

/// The names and shapes of all parameters and buffers, for [`seqformer_checkpoint::key_map::to_vnext`].
pub fn network_shapes(vs: &nn::VarStore) -> Shapes {
    let shape = |tensor: &Tensor| tensor.size().iter().map(|&side| side as usize).collect();
    sorted_variables(vs).iter().map(|(name, tensor)| (name.clone(), shape(tensor))).collect()
}

/// All parameters and buffers under all their names, as VNext saves them.
///
/// The box heads have two names, which share their bytes.
///
/// # Errors
///
/// If there is no memory for a copy.
pub fn state_dict(vs: &nn::VarStore) -> Result<StateDict, ModelError> {
    let mut state = StateDict::new();
    for (name, variable) in sorted_variables(vs) {
        let array = to_array(&name, &variable)?;
        if let Some(rest) = name.strip_prefix(ALIASED) {
            state.insert(format!("{ALIAS}{rest}"), array.clone());
        }
        state.insert(name, array);
    }
    Ok(state)
}

fn sorted_variables(vs: &nn::VarStore) -> BTreeMap<String, Tensor> {
    vs.variables().into_iter().collect()
}

/// Where each array goes, and the mismatches.
struct Plan<'a> {
    pairs: Vec<(&'a String, &'a Tensor, &'a Array)>,
    report: LoadReport,
}

fn plan<'a>(variables: &'a BTreeMap<String, Tensor>, state: &'a StateDict) -> Plan<'a> {
    let mut report = LoadReport::default();
    let mut used = BTreeSet::new();
    let mut pairs = Vec::new();
    for (name, variable) in variables {
        let alias = name.strip_prefix(ALIASED).map(|rest| format!("{ALIAS}{rest}"));
        let found = state.get(name).map(|array| (name, array));
        let found =
            found.or_else(|| alias.as_ref().and_then(|alias| Some((alias, state.get(alias)?))));
        let Some((key, array)) = found else {
            if !is_constant(variable) {
                report.missing.push(name.clone());
            }
            continue;
        };
        used.insert(key.clone());
        // The second name of a box head has the same content.
        used.extend(alias.clone());
        let shape: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
        if shape == variable.size() {
            pairs.push((name, variable, array));
        } else {
            let (name, expected) = (name.clone(), variable.size());
            report.wrong_shape.push(WrongShape { name, expected, found: shape });
        }
    }
    // Predictions have the first group of queries alone.
    let is_unexpected = |name: &&String| !used.contains(*name) && *name != FURTHER_GROUPS;
    report.unexpected = state.arrays.keys().filter(is_unexpected).cloned().collect();
    Plan { pairs, report }
}

/// Copies arrays of the right shapes, all or none.
fn fill(pairs: &[(&String, &Tensor, &Array)]) -> Result<(), ModelError> {
    // Max and ReLU may turn NaN into a number, which would hide that results are wrong.
    let tensors: Vec<String> =
        pairs.iter().filter_map(|(name, _, array)| array.describe_not_finite(name)).collect();
    if !tensors.is_empty() {
        return Err(ModelError::NotFinite { tensors });
    }
    for &(name, variable, array) in pairs {
        kind(name, array.dtype())?;
        if is_constant(variable)
            && array.to_i64_vec() != Vec::try_from(variable.flatten(0, -1)).ok()
        {
            let message =
                "expected the values computed from the sizes of the network, found others"
                    .to_owned();
            return Err(ModelError::Array { name: name.clone(), message });
        }
    }
    for &(name, variable, array) in pairs {
        let tensor = to_tensor(name, array)?;
        tch::no_grad(|| variable.shallow_clone().f_copy_(&tensor))?;
    }
    Ok(())
}

/// Whether a buffer contains indices, which are computed from the sizes of the network.
fn is_constant(variable: &Tensor) -> bool {
    variable.kind() == Kind::Int64
}

fn kind(name: &str, dtype: DType) -> Result<Kind, ModelError> {
    Ok(match dtype {
        DType::F32 => Kind::Float,
        DType::F64 => Kind::Double,
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::I64 => Kind::Int64,
        other => {
            let message = format!("expected floating point numbers, found {other:?}");
            return Err(ModelError::Array { name: name.to_owned(), message });
        }
    })
}

fn to_tensor(name: &str, array: &Array) -> Result<Tensor, ModelError> {
    let size: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
    Ok(Tensor::f_from_data_size(array.bytes(), &size, kind(name, array.dtype())?)?)
}

fn to_array(name: &str, tensor: &Tensor) -> Result<Array, ModelError> {
    let wrong = |message: String| ModelError::Array { name: name.to_owned(), message };
    let dtype = match tensor.kind() {
        Kind::Float => DType::F32,
        Kind::Double => DType::F64,
        Kind::Half => DType::F16,
        Kind::BFloat16 => DType::BF16,
        Kind::Int64 => DType::I64,
        other => return Err(wrong(format!("expected floating point numbers, found {other:?}"))),
    };
    let tensor = tensor.detach().f_to_device(Device::Cpu)?.f_contiguous()?;
    let mut bytes = vec![0; tensor.numel() * dtype.size_bytes()];
    tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
    let shape: Vec<usize> = tensor.size().iter().map(|&side| side as usize).collect();
    Array::new(dtype, &shape, bytes.into()).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests;
