//! `Value`: whatever a training script saved, as a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{CheckpointError, Reason};
use crate::file_kind::{self, FileKind};
use crate::pickle::{Graph, Node, NodeId};
use crate::source::Source;
use crate::{Array, StateDict, pth, safetensors};

/// Deeper trees are refused. Optimizer states take some five levels.
const MAX_DEPTH: usize = 64;
/// Larger trees are refused: a pickle may name one list a thousand times in a list, and so on.
const MAX_VALUES: usize = 4_000_000;

/// A value of Python's that a checkpoint may hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number in double precision.
    Float(f64),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A dict, in its order; keys are mostly strings or integers.
    Dict(Vec<(Value, Value)>),
    /// A tensor. Clones share their bytes, and a written file stores them once.
    Tensor(Array),
    /// An object of another class, in words. It cannot be written.
    Other(String),
}

impl Value {
    /// A dict with strings as keys.
    pub fn dict<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        let entries = entries.into_iter().map(|(key, value)| (Self::Text(key.into()), value));
        Self::Dict(entries.collect())
    }

    /// The value under a string key, if this is a dict that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let entries = self.as_dict()?;
        // Where a key comes twice, the last one counts, as in Python.
        let found = entries.iter().rev().find(|(name, _)| name.as_str() == Some(key));
        found.map(|(_, value)| value)
    }

    /// The entries of a dict.
    pub fn as_dict(&self) -> Option<&[(Self, Self)]> {
        match self {
            Self::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The elements of a list or tuple.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// A string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// An integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A number, also an integer.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// A truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A tensor.
    pub fn as_tensor(&self) -> Option<&Array> {
        match self {
            Self::Tensor(array) => Some(array),
            _ => None,
        }
    }
}

impl From<&StateDict> for Value {
    /// The arrays by name, without metadata and notes.
    fn from(state: &StateDict) -> Self {
        Self::dict(state.iter().map(|(name, array)| (name.clone(), Self::Tensor(array.clone()))))
    }
}

/// Reads all that a `torch.save` file holds, for instance to resume training.
///
/// A safetensors file gives a dict of its tensors. Objects of unknown classes become [`Value::Other`];
/// nothing in the file is run.
///
/// # Errors
///
/// Fails like [`crate::read`], and if the tree is too deep or too large.
pub fn read_tree(path: &Path) -> Result<Value, CheckpointError> {
    file_kind::open(path).and_then(|mut source| read(&mut source)).map_err(|reason| reason.at(path))
}

/// Reads what stands beside the tensors of a `torch.save` file; the tensors become [`Value::Other`].
///
/// It costs little, and finds out whether the file was cut off, but not whether its tensors are whole.
///
/// # Errors
///
/// Fails like [`read_tree`].
pub fn read_outline(path: &Path) -> Result<Value, CheckpointError> {
    let read = |mut source: Source| {
        let opened = match file_kind::detect(&mut source)? {
            FileKind::Zip => pth::open_zip(&mut source)?,
            FileKind::Stream => pth::open_legacy(&mut source)?,
            FileKind::Safetensors | FileKind::Pickle(_) => return Err(no_training()),
        };
        let graph = &opened.graph;
        Builder { graph, arrays: BTreeMap::new(), num_values: 0 }.build(graph.root(), MAX_DEPTH)
    };
    file_kind::open(path).and_then(read).map_err(|reason| reason.at(path))
}

fn no_training() -> Reason {
    let what = "only torch.save files hold the state of a training";
    Reason::Unsupported(what.to_owned())
}

/// Reads a tree from the first byte on.
pub(crate) fn read(source: &mut Source) -> Result<Value, Reason> {
    let opened = match file_kind::detect(source)? {
        FileKind::Zip => pth::open_zip(source)?,
        FileKind::Stream => pth::open_legacy(source)?,
        FileKind::Safetensors => return safetensors::read(source).map(|state| (&state).into()),
        FileKind::Pickle(_) => return Err(no_training()),
    };
    let graph = &opened.graph;
    let tensors = tensors(graph);
    let arrays = pth::read_arrays(source, &opened, &tensors)?;
    let arrays = tensors.into_iter().map(|(_, id)| id).zip(arrays).collect();
    Builder { graph, arrays, num_values: 0 }.build(graph.root(), MAX_DEPTH)
}

/// The tensors that can be reached from the root, each once, under the names they are first found by.
fn tensors(graph: &Graph) -> Vec<(String, NodeId)> {
    let mut tensors = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![(String::new(), graph.root())];
    while let Some((place, id)) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if pth::is_tensor(graph, id) {
            tensors.push((place, id));
            continue;
        }
        match graph.node(id) {
            Node::Tuple(items) | Node::List(items) => {
                let items = items.iter().enumerate();
                open.extend(items.map(|(i, &item)| (child(&place, &i.to_string()), item)));
            }
            Node::Dict(entries) => open.extend(entries.iter().map(|&(key, value)| {
                let name = match graph.node(key) {
                    Node::Int(number) => number.to_string(),
                    _ => graph.text(key).unwrap_or("?").to_owned(),
                };
                (child(&place, &name), value)
            })),
            _ => {}
        }
    }
    tensors
}

/// Turns the graph of a pickle into a tree.
struct Builder<'a> {
    graph: &'a Graph,
    arrays: BTreeMap<NodeId, Array>,
    num_values: usize,
}

impl Builder<'_> {
    fn build(&mut self, id: NodeId, levels_left: usize) -> Result<Value, Reason> {
        self.num_values += 1;
        let Some(levels_left) = levels_left.checked_sub(1) else {
            return Err(Reason::Unsupported(format!("values nested more than {MAX_DEPTH} deep")));
        };
        if self.num_values > MAX_VALUES {
            return Err(Reason::Unsupported(format!("more than {MAX_VALUES} values")));
        }
        if let Some(array) = self.arrays.get(&id) {
            return Ok(Value::Tensor(array.clone()));
        }
        let graph = self.graph;
        let mut items = |items: &[NodeId]| -> Result<Vec<Value>, Reason> {
            items.iter().map(|&item| self.build(item, levels_left)).collect()
        };
        Ok(match graph.node(id) {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => i64::try_from(*value)
                .map_or_else(|_too_large| Value::Other(graph.describe(id)), Value::Int),
            Node::Float(value) => Value::Float(*value),
            Node::Text(_) | Node::Bytes(_) => graph.text(id).map_or_else(
                || Value::Other(graph.describe(id)),
                |text| Value::Text(text.to_owned()),
            ),
            Node::Tuple(elements) => Value::Tuple(items(elements)?),
            Node::List(elements) => Value::List(items(elements)?),
            Node::Dict(entries) => {
                let pair = |&(key, value): &(NodeId, NodeId)| {
                    Ok((self.build(key, levels_left)?, self.build(value, levels_left)?))
                };
                Value::Dict(entries.iter().map(pair).collect::<Result<_, Reason>>()?)
            }
            _ => Value::Other(graph.describe(id)),
        })
    }
}

/// `model` and `weight` make `model.weight`; what is long already stays as it is.
fn child(place: &str, name: &str) -> String {
    const LIMIT: usize = 200;
    match place {
        "" => crate::pickle::shortened(name),
        _ if place.len() > LIMIT => place.to_owned(),
        _ => format!("{place}.{}", crate::pickle::shortened(name)),
    }
}

#[cfg(test)]
mod tests;
