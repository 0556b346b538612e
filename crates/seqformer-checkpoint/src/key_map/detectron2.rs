//! Backbones of detectron2's model zoo, in its own names and in those of Caffe2.
//!
//! Source: detectron2 `checkpoint/c2_model_loading.py`: `convert_basic_c2_names`,
//! `convert_c2_detectron_names`, `align_and_update_state_dicts`.

use std::collections::BTreeMap;

use super::recognize::DETECTRON2_PREFIXES;
use super::{BACKBONE, Change, Dialect, Fate, MapReport, Shapes, insert};
use crate::Array;
use crate::error::Reason;

/// What happens to a tensor in detectron2's names.
pub(super) fn fate(name: &str) -> Fate {
    let inner = DETECTRON2_PREFIXES
        .iter()
        .rev()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    if inner.starts_with("stem.fc.") || inner.starts_with("linear.") || inner.starts_with("fc1000.")
    {
        return Fate::Ignored("SeqFormer has no ImageNet classifier");
    }
    // torchvision's convolutions have no bias either; MSRA's stem has one of zeros.
    if inner == "stem.conv1.bias" {
        return Fate::Ignored("the convolution of the stem has no bias");
    }
    let is_part =
        ["stem.", "res2.", "res3.", "res4.", "res5."].iter().any(|part| inner.starts_with(part));
    if is_part {
        Fate::Named(format!("{BACKBONE}{inner}"))
    } else {
        Fate::Ignored("not part of a ResNet")
    }
}

/// What happens to a tensor in Caffe2's names.
pub(super) fn caffe2_fate(name: &str) -> Fate {
    if name.ends_with("_momentum") {
        return Fate::Ignored("the state of an optimizer");
    }
    fate(&from_caffe2(name))
}

/// `res2_0_branch2a_bn_s` → `res2.0.conv1.norm.weight`
fn from_caffe2(name: &str) -> String {
    let mut name = name.replace('_', ".");
    for (end, new_end) in [(".b", ".bias"), (".w", ".weight")] {
        if let Some(start) = name.strip_suffix(end) {
            name = format!("{start}{new_end}");
        }
    }
    let parts = [
        ("bn.s", "norm.weight"),
        ("bn.bias", "norm.bias"),
        ("bn.rm", "norm.running_mean"),
        ("bn.running.mean", "norm.running_mean"),
        ("bn.riv", "norm.running_var"),
        ("bn.running.var", "norm.running_var"),
        ("bn.gamma", "norm.weight"),
        ("bn.beta", "norm.bias"),
        ("gn.s", "norm.weight"),
        ("gn.bias", "norm.bias"),
    ];
    for (end, new_end) in parts {
        if let Some(start) = name.strip_suffix(end) {
            name = format!("{start}{new_end}");
            break;
        }
    }
    if let Some(rest) = name.strip_prefix("res.conv1.norm.") {
        name = format!("conv1.norm.{rest}");
    }
    if let Some(rest) = name.strip_prefix("conv1.") {
        name = format!("stem.conv1.{rest}");
    }
    let branches = [
        (".branch1.", ".shortcut."),
        (".branch2a.", ".conv1."),
        (".branch2b.", ".conv2."),
        (".branch2c.", ".conv3."),
    ];
    branches.iter().fold(name, |name, (branch, conv)| name.replace(branch, conv))
}

/// Gives every tensor of the network the tensor of the file with the longest name that is a suffix
/// of its own.
///
/// Tensors of another shape are not used. Unused tensors keep their names.
pub(super) fn match_suffixes(
    mut arrays: BTreeMap<String, Array>,
    network: &Shapes,
    report: &mut MapReport,
) -> Result<BTreeMap<String, Array>, Reason> {
    let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
    let mut mapped = BTreeMap::new();
    for (target, shape) in network {
        // From the whole name to its last component.
        let ends = std::iter::once(0).chain(target.match_indices('.').map(|(at, _)| at + 1));
        let Some((end, array)) =
            ends.map(|at| &target[at..]).find_map(|end| Some((end, arrays.get(end)?)))
        else {
            continue;
        };
        if array.shape() != shape {
            let what = format!("{end} has shape {:?}, the network {shape:?}", array.shape());
            report.reinitialized.push(Change::new(target, what));
            continue;
        }
        if let Some(other) = taken.insert(end, target) {
            let what = format!("it could be {other} or {target}; rename it to one of them");
            return Err(Reason::Tensor { name: crate::pickle::shortened(end), what });
        }
        insert(&mut mapped, target.clone(), array.clone(), end)?;
    }
    report.renamed = taken.iter().filter(|(from, to)| from != to).count();
    arrays.retain(|name, _| !taken.contains_key(name.as_str()));
    for (name, array) in arrays {
        insert(&mut mapped, name.clone(), array, &name)?;
    }
    Ok(mapped)
}

/// Notes the properties of a Caffe2 backbone, and what stays unchanged.
pub(super) fn note_statistics(arrays: &BTreeMap<String, Array>, report: &mut MapReport) {
    if report.dialect != Dialect::Caffe2 {
        return;
    }
    let inputs =
        |layer: &str| arrays.get(&format!("{BACKBONE}res2.0.{layer}.weight"))?.shape().get(1);
    let outputs =
        arrays.get(&format!("{BACKBONE}res2.0.conv1.weight")).and_then(|conv| conv.shape().first());
    report.is_resnext = outputs.is_some() && inputs("conv2") != outputs;
    if !arrays.keys().any(|name| name.ends_with("norm.running_mean")) {
        let what = "the file has its normalisation folded into scale and bias; mean and variance stay \
                    at the identity";
        report.warnings.push(what.to_owned());
    }
}
