//! Finds the named tensors in what a training script saved.
//!
//! Scripts save either the state dict itself or a dict around it, `{"model": …, "optimizer": …}`.

use std::collections::BTreeMap;

use crate::error::Reason;
use crate::pickle::{Graph, Node, NodeId, shortened};
use crate::{StateDict, provenance};

/// Keys under which training scripts keep the state dict.
const WRAPPER_KEYS: [&str; 5] = ["model", "state_dict", "model_state", "model_state_dict", "blobs"];
/// Wrappers inside wrappers.
const MAX_WRAPPERS: usize = 3;
const MAX_NOTES: usize = 100;
/// `DataParallel` puts this before every name.
const DATA_PARALLEL_PREFIX: &str = "module.";

/// The tensors of a pickle, still as nodes.
pub(crate) struct Entries {
    pub(crate) tensors: Vec<(String, NodeId)>,
    /// A state dict with everything but the arrays.
    pub(crate) rest: StateDict,
}

/// Finds the named values for which `is_tensor` holds.
pub(crate) fn find(
    graph: &Graph,
    is_tensor: fn(&Graph, NodeId) -> bool,
) -> Result<Entries, Reason> {
    let mut entries = Entries { tensors: Vec::new(), rest: StateDict::default() };
    let mut dict = graph.root();
    for _ in 0..MAX_WRAPPERS {
        let Some((key, inner)) = wrapped(graph, dict, is_tensor) else { break };
        entries.rest.notes.push(format!("took the entries of {key:?}"));
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
        return Err(Reason::NoTensors { found: describe_root(graph) });
    }
    entries.strip_data_parallel_prefix();
    entries.limit_notes();
    Ok(entries)
}

/// The wrapper key of `dict` and the dict under it.
fn wrapped(
    graph: &Graph,
    dict: NodeId,
    is_tensor: fn(&Graph, NodeId) -> bool,
) -> Option<(&'static str, NodeId)> {
    let entries = graph.dict(dict)?;
    let holds_tensors = |id: NodeId| {
        graph.dict(id).is_some_and(|inner| {
            inner.iter().any(|&(key, value)| {
                let is_wrapper = graph.text(key).is_some_and(|key| WRAPPER_KEYS.contains(&key));
                is_tensor(graph, value) || is_wrapper && graph.dict(value).is_some()
            })
        })
    };
    WRAPPER_KEYS.into_iter().find_map(|wrapper| {
        let (_, inner) = entries
            .iter()
            .find(|&&(key, value)| graph.text(key) == Some(wrapper) && holds_tensors(value))?;
        Some((wrapper, *inner))
    })
}

impl Entries {
    /// Keeps plain values as metadata, and makes a note of everything that is left out.
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

    /// Keeps the texts, and lists of texts as JSON, of what this program writes beside its weights.
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

    fn strip_data_parallel_prefix(&mut self) {
        let stripped: Option<Vec<_>> = self
            .tensors
            .iter()
            .map(|(name, id)| Some((name.strip_prefix(DATA_PARALLEL_PREFIX)?.to_owned(), *id)))
            .collect();
        if let Some(stripped) = stripped {
            self.tensors = stripped;
            let note = format!("took {DATA_PARALLEL_PREFIX:?} off every name");
            self.rest.notes.push(note);
        }
    }

    fn limit_notes(&mut self) {
        let surplus = self.rest.notes.len().saturating_sub(MAX_NOTES);
        if surplus > 0 {
            self.rest.notes.truncate(MAX_NOTES);
            self.rest.notes.push(format!("and {surplus} more of the kind"));
        }
    }

    /// Puts arrays, in the order of `tensors`, beside their names; a name given twice keeps the last.
    pub(crate) fn into_state_dict(
        self,
        arrays: impl IntoIterator<Item = crate::Array>,
    ) -> StateDict {
        let names = self.tensors.into_iter().map(|(name, _)| name);
        let arrays: BTreeMap<_, _> = names.zip(arrays).collect();
        StateDict { arrays, ..self.rest }
    }
}

fn describe_root(graph: &Graph) -> String {
    let root = graph.root();
    let Some(entries) = graph.dict(root) else {
        return format!("{}; save `model.state_dict()`, not the model", graph.describe(root));
    };
    let keys: Vec<_> =
        entries.iter().filter_map(|&(key, _)| graph.text(key)).take(8).map(shortened).collect();
    format!("a dict with the keys {keys:?}")
}

#[cfg(test)]
mod tests;
