//! Finds the named tensors in whatever a training script saved.
//!
//! Scripts save either the state dict itself or a dict around it, `{"model": …, "optimizer": …}`.

use std::collections::BTreeMap;

use crate::error::Reason;
use crate::pickle::{Graph, Node, NodeId, shortened};
use crate::{StateDict, provenance, wrappers};

/// Nesting depth of containers.
const MAX_CONTAINERS: usize = 4;
const MAX_NOTES: usize = 100;
/// Keys that are listed if no tensors were found.
const MAX_KEYS: usize = 8;

/// The tensors of a pickle, still as nodes.
pub(crate) struct Entries {
    pub(crate) tensors: Vec<(String, NodeId)>,
    /// A state dict without its arrays.
    pub(crate) rest: StateDict,
}

/// Finds the named values for which `is_tensor` holds.
pub(crate) fn find(
    graph: &Graph,
    is_tensor: fn(&Graph, NodeId) -> bool,
) -> Result<Entries, Reason> {
    let mut entries = Entries { tensors: Vec::new(), rest: StateDict::default() };
    let mut search = Search { graph, is_tensor, known: BTreeMap::new() };
    let mut dict = graph.root();
    for _ in 0..MAX_CONTAINERS {
        let found = search.containers(dict);
        let Some(&(taken, inner)) = found.first() else { break };
        entries.rest.notes.push(format!("took the entries of {taken:?}"));
        let others: Vec<&str> =
            found.iter().filter(|(_, other)| *other != inner).map(|(name, _)| *name).collect();
        entries.rest.remarks.extend(wrappers::container_remark(taken, &others));
        for &(key, value) in graph.dict(dict).unwrap_or_default() {
            if value != inner {
                entries.skip(graph, key, value);
            }
        }
        dict = inner;
    }
    for &(key, value) in graph.dict(dict).unwrap_or_default() {
        match graph.text(key) {
            Some(name) if is_tensor(graph, value) => {
                entries.tensors.push((name.to_owned(), value));
            }
            _ => entries.skip(graph, key, value),
        }
    }
    if entries.tensors.is_empty() {
        return Err(Reason::NoTensors { found: search.describe_root() });
    }
    entries.unwrap_names()?;
    entries.limit_notes();
    Ok(entries)
}

/// Searches for dicts of tensors.
struct Search<'a> {
    graph: &'a Graph,
    is_tensor: fn(&Graph, NodeId) -> bool,
    /// Whether dicts that were already visited contain tensors.
    known: BTreeMap<NodeId, bool>,
}

impl Search<'_> {
    /// The containers in `dict` that contain tensors, in order of preference.
    fn containers(&mut self, dict: NodeId) -> Vec<(&'static str, NodeId)> {
        let mut by_name: BTreeMap<&str, NodeId> = BTreeMap::new();
        for &(key, value) in self.graph.dict(dict).unwrap_or_default() {
            if let Some(name) = self.graph.text(key)
                && self.graph.dict(value).is_some()
            {
                by_name.insert(name, value);
            }
        }
        let found = wrappers::containers().filter_map(|name| Some((name, *by_name.get(name)?)));
        found.filter(|&(_, inner)| self.holds_tensors(inner, MAX_CONTAINERS)).collect()
    }

    /// Whether a dict contains tensors, or a container in it does.
    fn holds_tensors(&mut self, dict: NodeId, levels_left: usize) -> bool {
        let Some(levels_left) = levels_left.checked_sub(1) else { return false };
        if let Some(&known) = self.known.get(&dict) {
            return known;
        }
        // A cycle contains nothing new.
        self.known.insert(dict, false);
        let entries = self.graph.dict(dict).unwrap_or_default();
        let holds = entries.iter().any(|&(key, value)| {
            let Some(name) = self.graph.text(key) else { return false };
            (self.is_tensor)(self.graph, value)
                || wrappers::containers().any(|container| container == name)
                    && self.holds_tensors(value, levels_left)
        });
        self.known.insert(dict, holds);
        holds
    }

    /// Describes a file without tensors in a known place.
    fn describe_root(&mut self) -> String {
        let (graph, root) = (self.graph, self.graph.root());
        let Some(entries) = graph.dict(root) else {
            return format!("{}; save `model.state_dict()`, not the model", graph.describe(root));
        };
        let names = entries.iter().filter_map(|&(key, _)| graph.text(key));
        let keys: Vec<_> = names.take(MAX_KEYS).map(shortened).collect();
        let more = entries.len().saturating_sub(keys.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let holder = entries.iter().find_map(|&(key, value)| {
            let name = graph.text(key)?;
            self.holds_tensors(value, MAX_CONTAINERS).then(|| shortened(name))
        });
        let mend = holder.map_or_else(
            || "none of them holds tensors; save `model.state_dict()`".to_owned(),
            |name| {
                format!(
                    "{name:?} holds tensors; if these are the weights, save them alone: \
                     torch.save(torch.load(FILE)[{name:?}], NEW_FILE)"
                )
            },
        );
        format!("a dict with the keys {keys:?}{more}; {mend}")
    }
}

impl Entries {
    /// Keeps plain values as metadata, and notes everything that is skipped.
    fn skip(&mut self, graph: &Graph, key: NodeId, value: NodeId) {
        let Some(name) = graph.text(key).map(shortened) else {
            let key = graph.describe(key);
            self.rest.notes.push(format!("skipped an entry whose name is {key}"));
            return;
        };
        if name == provenance::OWN_ENTRY && graph.dict(value).is_some() {
            self.keep_own(graph, value);
            return;
        }
        let plain = match graph.node(value) {
            Node::Bool(value) => Some(value.to_string()),
            Node::Int(value) => Some(value.to_string()),
            Node::Float(value) => Some(value.to_string()),
            Node::Text(_) | Node::Bytes(_) => graph.text(value).map(str::to_owned),
            _ => None,
        };
        self.rest.notes.push(format!("skipped {name:?}: {}", graph.describe(value)));
        if let Some(plain) = plain {
            self.rest.metadata.insert(name, plain);
        }
    }

    /// Keeps strings, and lists of strings as JSON, that this program writes beside its weights.
    fn keep_own(&mut self, graph: &Graph, dict: NodeId) {
        for &(key, value) in graph.dict(dict).unwrap_or_default() {
            let Some(name) = graph.text(key).map(shortened) else { continue };
            let text = match graph.node(value) {
                Node::Text(_) => graph.text(value).map(str::to_owned),
                Node::List(items) => {
                    let texts = items.iter().map(|&item| graph.text(item));
                    let texts: Option<Vec<&str>> = texts.collect();
                    texts.map(|texts| serde_json::json!(texts).to_string())
                }
                _ => None,
            };
            self.rest.metadata.extend(text.map(|text| (provenance::key(&name), text)));
        }
    }

    /// Removes wrappers from the names, and drops tensors that are not part of the network.
    fn unwrap_names(&mut self) -> Result<(), Reason> {
        let names: Vec<&str> = self.tensors.iter().map(|(name, _)| name.as_str()).collect();
        let unwrapped = wrappers::unwrap(&names)?;
        let ids = self.tensors.iter().map(|&(_, id)| id);
        let named = unwrapped.names.into_iter().zip(ids);
        self.tensors = named.filter_map(|(name, id)| Some((name?, id))).collect();
        self.rest.remarks.extend(unwrapped.remarks);
        Ok(())
    }

    fn limit_notes(&mut self) {
        let surplus = self.rest.notes.len().saturating_sub(MAX_NOTES);
        if surplus > 0 {
            self.rest.notes.truncate(MAX_NOTES);
            self.rest.notes.push(format!("and {surplus} more of the kind"));
        }
    }

    /// Joins arrays, in the order of `tensors`, with their names; the last of several equal names
    /// wins.
    pub(crate) fn into_state_dict(
        self,
        arrays: impl IntoIterator<Item = crate::Array>,
    ) -> StateDict {
        let names = self.tensors.into_iter().map(|(name, _)| name);
        let arrays: BTreeMap<_, _> = names.zip(arrays).collect();
        StateDict { arrays, ..self.rest }
    }
}

#[cfg(test)]
mod tests;
