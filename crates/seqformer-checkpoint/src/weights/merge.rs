//! Weights to start a network from, out of several files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::convert::{TargetFormat, add_second_names};
use crate::error::{CheckpointError, Reason};
use crate::key_map::{BACKBONE, InputConvention, MapReport, Shapes, to_vnext};
use crate::{Array, StateDict, Value, few, read, write_pth, write_safetensors};

/// A file that tensors are taken from.
#[derive(Debug, Clone)]
pub struct MergeSource {
    /// The file.
    pub path: PathBuf,
    /// Its tensors in the names of VNext.
    pub state: StateDict,
    /// What was done to their names.
    pub names: MapReport,
    /// How many tensors each prefix was replaced in, in the order of the prefixes.
    pub num_renamed: Vec<usize>,
}

/// What a merge found for a network.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The tensors that were found, the box heads under both names.
    pub state: StateDict,
    /// The parts of the network by name.
    pub parts: Vec<MergedPart>,
    /// How many tensors of each file the network does not have, or has in another shape.
    pub num_unused: Vec<usize>,
}

/// A part of the network, such as `backbone.res2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedPart {
    /// Its name.
    pub name: String,
    /// How many tensors each file gave.
    pub from: Vec<usize>,
    /// The tensors that no file gave.
    pub missing: Vec<String>,
}

impl MergeSource {
    /// Reads a file for `network`, whose frames are those of `input`. Each of `renames` replaces one prefix of the names
    /// in the file by another.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, two tensors that get one name, and numbers that are not finite.
    pub fn read(
        path: &Path,
        renames: &[(String, String)],
        (network, input): (&Shapes, &InputConvention),
    ) -> Result<Self, CheckpointError> {
        let at = |reason: Reason| reason.at(path);
        let mut state = read(path)?;
        let not_finite = state.not_finite();
        if !not_finite.is_empty() {
            let what = format!("weights that are not finite ({})", few(&not_finite));
            return Err(at(Reason::Unsupported(what)));
        }
        let num_renamed = rename(&mut state, renames).map_err(at)?;
        let mapping = to_vnext(state, Some(network)).map_err(at)?;
        let mut names = mapping.report;
        names.check_input(input);
        Ok(Self { path: path.to_path_buf(), state: mapping.state, names, num_renamed })
    }
}

/// Replaces prefixes of names, and counts for each how often.
fn rename(state: &mut StateDict, renames: &[(String, String)]) -> Result<Vec<usize>, Reason> {
    let mut counts = vec![0; renames.len()];
    let mut renamed = BTreeMap::new();
    for (name, array) in std::mem::take(&mut state.arrays) {
        let mut new_name = name.clone();
        for ((from, to), count) in renames.iter().zip(&mut counts) {
            if let Some(rest) = name.strip_prefix(from) {
                new_name = format!("{to}{rest}");
                *count += 1;
                break;
            }
        }
        if renamed.insert(new_name.clone(), array).is_some() {
            let what = format!("another tensor already has the name {new_name:?}");
            return Err(Reason::Tensor { name, what });
        }
    }
    state.arrays = renamed;
    Ok(counts)
}

/// Takes every layer of `network` from the first of `sources` that has it in the right shapes.
///
/// A layer is a module with its parameters, and a convolution with its frozen normalization: statistics of one file do
/// not fit the convolutions of another.
pub fn merge(network: &Shapes, sources: &[MergeSource]) -> Merged {
    let mut layers: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for name in network.keys() {
        layers.entry(layer_of(name)).or_default().push(name);
    }
    let mut parts: BTreeMap<String, MergedPart> = BTreeMap::new();
    let mut state = StateDict::new();
    for names in layers.values() {
        let found = sources.iter().enumerate().find_map(|(index, source)| {
            let arrays = layer_in(&source.state, names, network)?;
            Some((index, arrays))
        });
        for &name in names {
            let part = parts.entry(part_of(name)).or_insert_with_key(|part| MergedPart {
                name: part.clone(),
                from: vec![0; sources.len()],
                missing: Vec::new(),
            });
            match found.as_ref().and_then(|(index, arrays)| Some((*index, *arrays.get(name)?))) {
                Some((index, array)) => {
                    part.from[index] += 1;
                    state.insert(name.clone(), array.clone());
                }
                None => part.missing.push(name.clone()),
            }
        }
    }
    let is_unused = |(name, array): &(&String, &Array)| {
        network.get(first_name(name).as_str()).is_none_or(|shape| shape != array.shape())
    };
    let num_unused = sources.iter().map(|source| source.state.iter().filter(is_unused).count());
    let num_unused = num_unused.collect();
    add_second_names(&mut state);
    Merged { state, parts: parts.into_values().collect(), num_unused }
}

impl Merged {
    /// Writes the tensors, in the format of the file's extension.
    ///
    /// # Errors
    ///
    /// If the extension is neither .pth nor .safetensors, or the file cannot be written; an existing file is then
    /// unchanged.
    pub fn write(&self, to: &Path) -> Result<(), CheckpointError> {
        match TargetFormat::required(to)? {
            TargetFormat::Pth => {
                write_pth(to, &Value::dict(vec![("model", Value::from(&self.state))]))
            }
            TargetFormat::Safetensors => {
                let mut state = self.state.clone();
                state.metadata.insert("format".to_owned(), "pt".to_owned());
                write_safetensors(to, &state)
            }
        }
    }
}

/// The tensors of a layer in a file, by their names in the network; nothing if the file has none, or one of another
/// shape.
fn layer_in<'a>(
    state: &'a StateDict,
    names: &[&'a String],
    network: &Shapes,
) -> Option<BTreeMap<&'a String, &'a Array>> {
    let mut found = BTreeMap::new();
    for &name in names {
        let array = state.get(name).or_else(|| state.get(&second_name(name)?));
        let Some(array) = array else { continue };
        if network.get(name).is_none_or(|shape| shape != array.shape()) {
            return None;
        }
        found.insert(name, array);
    }
    (!found.is_empty()).then_some(found)
}

/// The module of a tensor; that of the convolution for its frozen normalization.
fn layer_of(name: &str) -> &str {
    let module = name.rsplit_once('.').map_or(name, |(module, _)| module);
    let is_resnet = name.strip_prefix(BACKBONE).is_some_and(|rest| {
        rest.starts_with("stem.") || rest.strip_prefix("res").is_some_and(|rest| rest.contains('.'))
    });
    module.strip_suffix(".norm").filter(|_| is_resnet).unwrap_or(module)
}

/// The part of the network that a tensor belongs to: `backbone.res2`, `transformer.encoder`, `mask_head`.
fn part_of(name: &str) -> String {
    let (prefix, rest) = match name.strip_prefix(BACKBONE) {
        Some(rest) => ("backbone.", rest),
        None => ("", name.trim_start_matches("detr.")),
    };
    let parts: Vec<&str> = rest.split('.').collect();
    let depth = if matches!(parts[0], "transformer" | "layers") { 2 } else { 1 };
    format!("{prefix}{}", parts[..depth.min(parts.len())].join("."))
}

/// The name in the detector of a box head of the decoder.
fn second_name(name: &str) -> Option<String> {
    let rest = name.strip_prefix("detr.detr.transformer.decoder.bbox_embed.")?;
    Some(format!("detr.detr.bbox_embed.{rest}"))
}

/// The name in the decoder of a box head of the detector; other names stay.
fn first_name(name: &str) -> String {
    match name.strip_prefix("detr.detr.bbox_embed.") {
        Some(rest) => format!("detr.detr.transformer.decoder.bbox_embed.{rest}"),
        None => name.to_owned(),
    }
}

/// The prefixes to be replaced that no file has.
pub fn unused_renames<'a>(
    renames: &'a [(String, String)],
    sources: &[MergeSource],
) -> BTreeSet<&'a str> {
    let is_used = |index: usize| sources.iter().any(|source| source.num_renamed[index] > 0);
    let unused = renames.iter().enumerate().filter(|(index, _)| !is_used(*index));
    unused.map(|(_, (from, _))| from.as_str()).collect()
}

#[cfg(test)]
mod tests;
