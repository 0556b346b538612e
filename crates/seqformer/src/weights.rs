//! From the arrays of a checkpoint to the parameters of a network, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use seqformer_checkpoint::key_map::Shapes;
use seqformer_checkpoint::{Array, DType, StateDict};
use tch::{Device, Kind, Tensor, nn};

use crate::ModelError;

/// Box heads of the detector, which are those of the decoder under a second name.
const ALIAS: &str = "detr.detr.bbox_embed.";
/// Their first name.
const ALIASED: &str = "detr.detr.transformer.decoder.bbox_embed.";
/// Where the image network is.
const BACKBONE: &str = "detr.detr.backbone.0.backbone.";
/// At most this many names are listed of each kind.
const LISTED: usize = 8;

/// What a checkpoint had for a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Parameters and buffers that were filled.
    pub loaded: usize,
    /// In the network, not in the file.
    pub missing: Vec<String>,
    /// In the file, not in the network.
    pub unexpected: Vec<String>,
    /// In both, in different shapes.
    pub wrong_shape: Vec<WrongShape>,
}

/// A parameter that has another shape in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongShape {
    /// The parameter.
    pub name: String,
    /// Its shape in the network.
    pub expected: Vec<i64>,
    /// Its shape in the file.
    pub found: Vec<i64>,
}

impl LoadReport {
    /// The convolutions of a ResNet whose frozen statistics say nothing of what they give: those that start at random
    /// themselves, and those whose normalisation the file lacks.
    ///
    /// A file with scale and bias alone is no reason: its statistics are multiplied in.
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

    /// Whether every parameter was filled and nothing was left over.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.wrong_shape.is_empty()
    }
}

/// Fills every parameter and buffer of `vs` from `state`, or none.
///
/// The names are those of VNext; [`seqformer_checkpoint::key_map::to_vnext`] translates others.
///
/// # Errors
///
/// If a parameter is missing, left over, of another shape, or not made of finite numbers.
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

/// Fills what `state` has in the right shape, to begin training from partial weights.
///
/// All other parameters stay as they are; the report lists them.
///
/// # Errors
///
/// If the file has less than half of the backbone, and so belongs to another network, or if a tensor is
/// not made of finite numbers. Then nothing is filled.
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
/// The box heads have two names; both share their bytes.
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

/// Which array goes where, and what does not fit.
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
        // The second name of a box head holds the same numbers.
        used.extend(alias.clone());
        let shape: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
        if shape == variable.size() {
            pairs.push((name, variable, array));
        } else {
            let (name, expected) = (name.clone(), variable.size());
            report.wrong_shape.push(WrongShape { name, expected, found: shape });
        }
    }
    report.unexpected = state.arrays.keys().filter(|name| !used.contains(*name)).cloned().collect();
    Plan { pairs, report }
}

/// Copies arrays of the right shapes, all or none.
fn fill(pairs: &[(&String, &Tensor, &Array)]) -> Result<(), ModelError> {
    // Maxima and ReLUs may turn what is not a number into one, and then nobody sees that results are wrong.
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
                "expected the numbers that follow from the sizes of the network, found others"
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

/// Whether a buffer holds indices, which follow from the sizes of the network.
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

/// Says in a few lines what did not fit, and what it probably means.
pub(crate) fn describe_mismatch(report: &LoadReport) -> String {
    let mut text = "the weights do not belong to this model".to_owned();
    if let Some(hint) = hint(report) {
        let _ = write!(text, ": {hint}");
    }
    let list = |text: &mut String, title: &str, names: Vec<String>| {
        if names.is_empty() {
            return;
        }
        let _ = write!(
            text,
            "\n  {title} ({}): {}",
            names.len(),
            names[..names.len().min(LISTED)].join(", ")
        );
        if names.len() > LISTED {
            let _ = write!(text, ", … and {} more", names.len() - LISTED);
        }
    };
    list(&mut text, "missing", report.missing.clone());
    list(&mut text, "unexpected", report.unexpected.clone());
    let shapes = report.wrong_shape.iter().map(|wrong| {
        format!("{}: expected {:?}, found {:?}", wrong.name, wrong.expected, wrong.found)
    });
    list(&mut text, "of another shape", shapes.collect());
    text
}

/// The usual reasons for a mismatch.
fn hint(report: &LoadReport) -> Option<String> {
    let classes =
        report.wrong_shape.iter().find(|wrong| wrong.name.starts_with("detr.detr.class_embed."));
    if let Some(wrong) = classes {
        let (found, expected) = (wrong.found.first()?, wrong.expected.first()?);
        return Some(format!(
            "they have {found} classes and the config {expected}; set MODEL.SeqFormer.NUM_CLASSES {found}, or use the weights' own config"
        ));
    }
    let has = |names: &[String], prefix: &str| names.iter().any(|name| name.starts_with(prefix));
    if has(&report.unexpected, "detr.backbone.0.body.")
        || has(&report.unexpected, "detr.transformer.")
    {
        return Some(
            "they have the names of the original SeqFormer repository, not those of VNext"
                .to_owned(),
        );
    }
    if !has(&report.unexpected, "detr.") && report.missing.len() > 100 {
        return Some("this is probably a checkpoint of another kind of model".to_owned());
    }
    let layers = "detr.detr.backbone.0.backbone.layers.";
    if has(&report.unexpected, layers) {
        return Some("they have a Swin backbone and the config a ResNet".to_owned());
    }
    let deeper = "detr.detr.backbone.0.backbone.res";
    let depth = "their ResNet has another depth or width; see MODEL.RESNETS in the config";
    let names = [&report.unexpected, &report.missing];
    names.into_iter().any(|names| has(names, deeper)).then(|| depth.to_owned())
}

#[cfg(test)]
mod tests;
