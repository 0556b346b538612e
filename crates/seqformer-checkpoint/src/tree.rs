//! Reads everything that a training script saved, as a tree of [`Value`]s.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::error::{CheckpointError, Reason};
use crate::file_kind::{self, FileKind};
use crate::pickle::{Graph, Node, NodeId};
use crate::source::Source;
use crate::{Array, Value, pth, safetensors};

/// Deeper trees are refused. Optimizer states need about five levels.
const MAX_DEPTH: usize = 64;
/// Larger trees are refused: a pickle may refer to one list a thousand times in a list, recursively.
const MAX_VALUES: usize = 4_000_000;

/// Reads everything in a `torch.save` file, for instance to resume training.
///
/// A safetensors file gives a dict of its tensors. Objects of unknown classes become [`Value::Other`]; files are never
/// executed.
///
/// # Errors
///
/// Fails like [`crate::read`], and if the tree is too deep or too large.
pub fn read_tree(path: &Path) -> Result<Value, CheckpointError> {
    file_kind::open(path).and_then(|mut source| read(&mut source)).map_err(|reason| reason.at(path))
}

/// Reads everything except the tensors of a `torch.save` file; these become [`Value::Other`].
///
/// It is cheap and detects a truncated file, but not whether tensors are intact.
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

/// The tensors reachable from the root, each once, under the name by which it is first found.
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

/// Converts the graph of a pickle to a tree.
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

/// `model` and `weight` give `model.weight`; names that are already long stay unchanged.
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
