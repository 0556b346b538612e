//! How a pickle describes a tensor: a view of a storage.
//!
//! Source: `torch/_utils.py`, `_rebuild_tensor_v2` and its neighbours.

use crate::DType;
use crate::pickle::{Graph, Node, NodeId, shortened};

/// torch itself allows 64.
const MAX_DIMENSIONS: usize = 64;
/// A parameter around a tensor with attributes needs two.
const MAX_NESTING: usize = 4;

/// A storage as referenced by the pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StorageRef {
    pub(super) key: String,
    pub(super) dtype: DType,
    pub(super) num_elements: usize,
    /// Old files may refer to a part of a storage.
    start: usize,
}

/// A tensor: which elements of which storage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TensorView {
    pub(super) storage: StorageRef,
    /// In elements, as are the strides.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// True if the node is built by one of torch's functions for tensors.
pub(crate) fn is_tensor(graph: &Graph, id: NodeId) -> bool {
    graph.callee(id).is_some_and(|name| {
        name.starts_with("torch._utils._rebuild_") || name.starts_with("torch._tensor._rebuild_")
    })
}

/// The name of a storage; very old files number them.
pub(super) fn storage_key(graph: &Graph, id: NodeId) -> Option<String> {
    match graph.node(id) {
        Node::Int(key) => Some(key.to_string()),
        _ => graph.text(id).map(str::to_owned),
    }
}

impl StorageRef {
    /// Reads `("storage", type, key, device, number of elements, optional part)`.
    pub(super) fn parse(graph: &Graph, id: NodeId) -> Result<Self, String> {
        let malformed = || format!("expected a storage, found {}", graph.describe(id));
        let (fields, part) = match *graph.sequence(id).ok_or_else(malformed)? {
            [tag, class, key, _device, len] => ([tag, class, key, len], None),
            [tag, class, key, _device, len, part] => ([tag, class, key, len], Some(part)),
            _ => return Err(malformed()),
        };
        let [tag, class, key, len] = fields;
        if graph.text(tag) != Some("storage") {
            return Err(malformed());
        }
        let class = graph.global(class).ok_or_else(malformed)?;
        let dtype = storage_dtype(class)
            .ok_or_else(|| format!("elements of {} are not supported", shortened(class)))?;
        let start = match part.and_then(|part| graph.sequence(part)) {
            Some(&[_key, start, _len]) => graph.usize(start).ok_or_else(malformed)?,
            Some(_) => return Err(malformed()),
            None => 0,
        };
        Ok(Self {
            key: storage_key(graph, key).ok_or_else(malformed)?,
            dtype,
            num_elements: graph.usize(len).ok_or_else(malformed)?,
            start,
        })
    }
}

fn storage_dtype(class: &str) -> Option<DType> {
    let class = class.strip_prefix("torch.")?;
    let class = class.strip_prefix("cuda.").unwrap_or(class);
    Some(match class {
        "DoubleStorage" => DType::F64,
        "FloatStorage" => DType::F32,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "LongStorage" => DType::I64,
        "IntStorage" => DType::I32,
        "ShortStorage" => DType::I16,
        "CharStorage" => DType::I8,
        "ByteStorage" => DType::U8,
        "BoolStorage" => DType::Bool,
        _ => return None,
    })
}

/// The node of the storage that the tensor at `id` views.
pub(crate) fn storage_node(graph: &Graph, id: NodeId) -> Result<NodeId, String> {
    Parts::parse(graph, id).map(|parts| parts.storage)
}

/// The arguments of the call that builds a tensor.
struct Parts {
    storage: NodeId,
    offset: NodeId,
    shape: NodeId,
    strides: NodeId,
}

impl Parts {
    fn parse(graph: &Graph, id: NodeId) -> Result<Self, String> {
        Self::parse_nested(graph, id, MAX_NESTING)
    }

    fn parse_nested(graph: &Graph, id: NodeId, levels_left: usize) -> Result<Self, String> {
        match (graph.callee(id), graph.args(id)) {
            (Some(name), Some(args)) => Self::rebuild(graph, name, args, levels_left),
            _ => Err(format!("expected a tensor, found {}", graph.describe(id))),
        }
    }

    fn rebuild(
        graph: &Graph,
        name: &str,
        args: &[NodeId],
        levels_left: usize,
    ) -> Result<Self, String> {
        let Some(levels_left) = levels_left.checked_sub(1) else {
            return Err("it is wrapped too deeply".to_owned());
        };
        match (name, args) {
            ("torch._utils._rebuild_tensor", &[storage, offset, shape, strides]) => {
                Ok(Self { storage, offset, shape, strides })
            }
            (
                "torch._utils._rebuild_tensor_v2",
                &[storage, offset, shape, strides, _requires_grad, _hooks, ref metadata @ ..],
            ) => {
                check_metadata(graph, metadata)?;
                Ok(Self { storage, offset, shape, strides })
            }
            (
                "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
                &[data, ..],
            ) => Self::parse_nested(graph, data, levels_left),
            ("torch._tensor._rebuild_from_type_v2", &[function, _class, args, _state]) => {
                match (graph.global(function), graph.sequence(args)) {
                    (Some(name), Some(args)) => Self::rebuild(graph, name, args, levels_left),
                    _ => Err("the call that builds it is not complete".to_owned()),
                }
            }
            _ => Err(format!(
                "it is built by {} with {} arguments, which is not supported",
                shortened(name),
                args.len()
            )),
        }
    }
}

impl TensorView {
    /// Parses the call that builds a tensor, or describes what is wrong with it.
    pub(super) fn parse(graph: &Graph, id: NodeId) -> Result<Self, String> {
        let parts = Parts::parse(graph, id)?;
        let Node::Persistent(storage) = *graph.node(parts.storage) else {
            return Err(format!("expected a storage, found {}", graph.describe(parts.storage)));
        };
        Self::from_parts(graph, &parts, StorageRef::parse(graph, storage)?)
    }

    /// Parses the call that builds a tensor from a known storage.
    pub(super) fn of_storage(
        graph: &Graph,
        id: NodeId,
        storage: &StorageRef,
    ) -> Result<Self, String> {
        Self::from_parts(graph, &Parts::parse(graph, id)?, storage.clone())
    }

    fn from_parts(graph: &Graph, parts: &Parts, storage: StorageRef) -> Result<Self, String> {
        let offset = graph
            .usize(parts.offset)
            .and_then(|offset| offset.checked_add(storage.start))
            .ok_or("its offset is not a count")?;
        let shape = sizes(graph, parts.shape).ok_or("its shape is not a tuple of sizes")?;
        let strides = sizes(graph, parts.strides).ok_or("its strides are not a tuple of counts")?;
        let view = Self { storage, offset, shape, strides };
        view.check()?;
        Ok(view)
    }

    /// Checks that all elements lie within the storage.
    fn check(&self) -> Result<(), String> {
        if self.shape.len() != self.strides.len() {
            return Err(format!("shape {:?} with strides {:?}", self.shape, self.strides));
        }
        if self.shape.contains(&0) {
            return Ok(());
        }
        let last =
            self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (size, stride)| {
                last.checked_add((size - 1).checked_mul(*stride)?)
            });
        if last.is_some_and(|last| last < self.storage.num_elements) {
            return Ok(());
        }
        Err(format!(
            "shape {:?} with strides {:?} at offset {} does not fit its storage of {} elements",
            self.shape, self.strides, self.offset, self.storage.num_elements
        ))
    }

    /// True if the elements follow one another in row-major order.
    pub(super) fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size != 1 && stride != expected {
                return false;
            }
            expected *= size;
        }
        true
    }
}

fn sizes(graph: &Graph, id: NodeId) -> Option<Vec<usize>> {
    let sizes = graph.sequence(id)?;
    if sizes.len() > MAX_DIMENSIONS {
        return None;
    }
    sizes.iter().map(|&size| graph.usize(size)).collect()
}

/// Refuses views that change values when read: conjugate and negative.
fn check_metadata(graph: &Graph, metadata: &[NodeId]) -> Result<(), String> {
    let entries = metadata.first().and_then(|&id| graph.dict(id)).unwrap_or_default();
    for &(key, value) in entries.iter().take(MAX_DIMENSIONS) {
        if *graph.node(value) == Node::Bool(true) {
            let key = graph.text(key).map_or_else(|| "?".to_owned(), shortened);
            return Err(format!("its lazy operation {key:?} is not supported"));
        }
    }
    Ok(())
}
