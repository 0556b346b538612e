//! What programs put around a network when they save it, and which of several networks in a file is used.
//!
//! A script saves a state dict inside other dicts (`{"model": {"state_dict": …}}`), and wrappers prepend their own name
//! to every name in it: `DataParallel` and DeepSpeed `module.`, `torch.compile` `_orig_mod.`, Lightning the name of an
//! attribute, usually `model.`. The names are nearly the same in both places, so both are handled here.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Reason;
use crate::pickle::shortened;

/// Keys of a network's own weights, the most usual first.
const PLAIN: [&str; 14] = [
    "model",
    "state_dict",
    "model_state",
    "model_state_dict",
    "module",
    "net",
    "network",
    "blobs",
    "weights",
    "params",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_checkpoint_wrapped_module",
    "_forward_module",
];
/// Keys of weights averaged over the training, usually stored beside the weights.
const AVERAGED: [&str; 11] = [
    "model_ema",
    "ema_state_dict",
    "state_dict_ema",
    "ema_model",
    "ema",
    "ema_state",
    "model_ema_state_dict",
    "ema_model_state_dict",
    "params_ema",
    "module_ema",
    "averaged_model",
];
/// Containers that are not reported, because nearly every file has one of them.
const USUAL: [&str; 5] = ["model", "state_dict", "model_state", "model_state_dict", "blobs"];
/// Wrappers that also occur inside names, if a part of the network was wrapped.
const INNER: [&str; 4] =
    ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];
/// First components of names of known networks; see `key_map`.
const ROOTS: [&str; 25] = [
    "detr",
    "transformer",
    "backbone",
    "class_embed",
    "bbox_embed",
    "query_embed",
    "input_proj",
    "controller",
    "mask_head",
    "reid_embed_head",
    "patch_embed",
    "layers",
    "absolute_pos_embed",
    "layer1",
    "layer2",
    "layer3",
    "layer4",
    "conv1",
    "bn1",
    "stem",
    "res2",
    "res3",
    "res4",
    "res5",
    "bottom_up",
];
/// Maximum number of names listed.
const LISTED: usize = 3;

/// The keys of networks in order of preference.
pub(crate) fn containers() -> impl Iterator<Item = &'static str> {
    PLAIN.into_iter().chain(AVERAGED)
}

/// The remark about a container that was opened beside others with tensors; `None` for the usual ones.
pub(crate) fn container_remark(taken: &str, others: &[&str]) -> Option<String> {
    if !others.is_empty() {
        return Some(format!(
            "took {taken:?}, not {}, which the file has too; to use another, save it alone: \
             torch.save(torch.load(FILE)[{:?}], NEW_FILE)",
            quoted(others),
            others[0]
        ));
    }
    if AVERAGED.contains(&taken) {
        return Some(format!("took the averaged weights under {taken:?}; the file has no others"));
    }
    (!USUAL.contains(&taken)).then(|| format!("took the entries of {taken:?}"))
}

/// The names of a file's tensors without wrappers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unwrapped {
    /// The new name of each tensor, or `None` for a tensor that is not part of the network.
    pub(crate) names: Vec<Option<String>>,
    /// Remarks for the user.
    pub(crate) remarks: Vec<String>,
}

/// The tensors behind one chain of wrappers.
#[derive(Debug, Default)]
struct Group {
    members: Vec<usize>,
    has_network: bool,
}

/// Removes wrappers from names.
///
/// If several chains of wrappers lead to a network, the weights themselves are preferred to averages.
///
/// # Errors
///
/// If it is unclear which of several networks is meant, or if two tensors get the same name.
pub(crate) fn unwrap(names: &[&str]) -> Result<Unwrapped, Reason> {
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let (chain, core) = split(name);
        let group = groups.entry(chain).or_default();
        group.members.push(index);
        group.has_network |= is_of_network(core);
    }
    let mut unwrapped = Unwrapped::default();
    let Some(taken) = choose(&groups, names, &mut unwrapped.remarks)? else {
        unwrapped.names = names.iter().map(|name| Some((*name).to_owned())).collect();
        return Ok(unwrapped);
    };
    unwrapped.names = vec![None; names.len()];
    let mut seen = BTreeSet::new();
    let mut num_inner = 0;
    for &index in &groups[taken].members {
        let name = &names[index][taken.len()..];
        let is_inner = |part: &str| INNER.contains(&part);
        let new_name: Vec<&str> = name.split('.').filter(|part| !is_inner(part)).collect();
        let new_name = new_name.join(".");
        num_inner += usize::from(new_name != name);
        if !seen.insert(new_name.clone()) {
            return Err(Reason::Tensor {
                name: shortened(names[index]),
                what: format!(
                    "another tensor is {:?} without its wrappers; rename one of them",
                    shortened(&new_name)
                ),
            });
        }
        unwrapped.names[index] = Some(new_name);
    }
    if !taken.is_empty() {
        let rest = names.len() - groups[taken].members.len();
        let of = if rest == 0 { "every name" } else { "the names of the network" };
        unwrapped.remarks.insert(0, format!("took {:?} off {of}", shortened(taken)));
    }
    if num_inner > 0 {
        unwrapped.remarks.push(format!("removed wrappers from the middle of {num_inner} names"));
    }
    Ok(unwrapped)
}

/// The chain of wrappers in front of a name, with its last full stop, and the rest of the name.
fn split(name: &str) -> (&str, &str) {
    let mut at = 0;
    while let Some((part, rest)) = name[at..].split_once('.') {
        let is_wrapper = PLAIN.contains(&part) || AVERAGED.contains(&part);
        if !is_wrapper || rest.is_empty() {
            break;
        }
        at += part.len() + 1;
    }
    name.split_at(at)
}

/// Whether a name starts like those of known networks; Caffe2 writes `_` where others write a full stop.
fn is_of_network(name: &str) -> bool {
    let is_root = |end: char| name.split_once(end).is_some_and(|(root, _)| ROOTS.contains(&root));
    name == "absolute_pos_embed" || is_root('.') || is_root('_')
}

fn is_averaged(chain: &str) -> bool {
    chain.split('.').any(|part| AVERAGED.contains(&part))
}

/// The chain that leads to the network; `None` if names stay unchanged.
fn choose<'a>(
    groups: &BTreeMap<&'a str, Group>,
    names: &[&str],
    remarks: &mut Vec<String>,
) -> Result<Option<&'a str>, Reason> {
    if groups.len() == 1 {
        return Ok(groups.keys().next().copied());
    }
    let with_network = |averaged: bool| -> Vec<&'a str> {
        let found = groups
            .iter()
            .filter(|(chain, group)| group.has_network && is_averaged(chain) == averaged);
        found.map(|(chain, _)| *chain).collect()
    };
    let (plain, averaged) = (with_network(false), with_network(true));
    let found = if plain.is_empty() { &averaged } else { &plain };
    let taken = match found[..] {
        [] => return Ok(None),
        [taken] => taken,
        _ => return Err(mixed(groups, found, names)),
    };
    if !plain.is_empty() && !averaged.is_empty() {
        remarks.push(format!(
            "took the tensors under {:?}, not the averaged ones under {}",
            shortened(taken),
            quoted(&averaged)
        ));
    } else if plain.is_empty() {
        remarks.push("these are averaged weights; the file has no others".to_owned());
    }
    let others: Vec<&str> = groups
        .iter()
        .filter(|(chain, _)| **chain != taken && !averaged.contains(*chain))
        .flat_map(|(_, group)| group.members.iter().map(|&index| names[index]))
        .collect();
    if !others.is_empty() {
        let (count, listed) = (others.len(), quoted(&others));
        remarks.push(format!("ignored what is not part of the network ({count}): {listed}"));
    }
    Ok(Some(taken))
}

/// The error for several networks, or for one network of which only some parts are wrapped.
fn mixed(groups: &BTreeMap<&str, Group>, found: &[&str], names: &[&str]) -> Reason {
    let kinds: Vec<String> = found
        .iter()
        .map(|chain| {
            let members = &groups[chain].members;
            let begin = match *chain {
                "" => "without a prefix".to_owned(),
                chain => format!("with {:?}", shortened(chain)),
            };
            let example =
                members.first().map_or_else(String::new, |&index| shortened(names[index]));
            format!("{} {begin} (as {example:?})", members.len())
        })
        .collect();
    Reason::MixedNames { kinds: kinds.join(", ") }
}

/// Some names in quotation marks.
fn quoted(names: &[&str]) -> String {
    let mut list: Vec<String> =
        names.iter().take(LISTED).map(|name| format!("{:?}", shortened(name))).collect();
    if names.len() > LISTED {
        list.push(format!("… and {} more", names.len() - LISTED));
    }
    list.join(", ")
}

#[cfg(test)]
mod tests;
