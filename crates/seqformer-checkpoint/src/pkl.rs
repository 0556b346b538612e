//! Plain pickles: numpy arrays, as in detectron2's model zoo and the output of its converters, and torch tensors, as in
//! the output of VNext's converter of Swin weights.
//!
//! Source: numpy `ndarray.__reduce__` and `__setstate__`, `_core/numeric.py` `_frombuffer`; torch
//! `Tensor.__reduce_ex__` and `torch/storage.py`, `TypedStorage.__reduce__`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::array::size_in_bytes;
use crate::entries;
use crate::error::Reason;
use crate::pickle::{Graph, Node, NodeId, shortened};
use crate::source::Source;
use crate::{Array, DType, StateDict, pth};

/// numpy itself allows 64.
const MAX_DIMENSIONS: usize = 64;

/// Reads the arrays of a pickle that has been loaded from `source`.
pub(crate) fn read(source: &mut Source, graph: &Graph) -> Result<StateDict, Reason> {
    let entries = entries::find(graph, is_array)?;
    let mut budget = source.array_budget();
    let mut arrays = Vec::with_capacity(entries.tensors.len());
    let mut storages = BTreeMap::new();
    for (name, id) in &entries.tensors {
        if pth::is_tensor(graph, *id) {
            arrays.push(torch_array(source, graph, (name, *id), (&mut storages, &mut budget))?);
            continue;
        }
        let wrong = |what| Reason::Tensor { name: shortened(name), what };
        let array = ArrayRef::parse(graph, *id).map_err(wrong)?;
        let len = array.len_bytes().filter(|&len| len as u64 <= budget);
        let len = len.ok_or_else(|| {
            wrong(format!("shape {:?} is out of proportion to the file", array.shape))
        })?;
        budget -= len as u64;
        let bytes = read_bytes(source, graph, array.data)?;
        arrays.push(array.with_bytes(bytes).map_err(wrong)?);
    }
    Ok(entries.into_state_dict(arrays))
}

/// True if the node is built by one of the functions with which numpy pickles arrays.
fn is_array(graph: &Graph, id: NodeId) -> bool {
    matches!(
        graph.callee(id),
        Some(
            "numpy.core.multiarray._reconstruct"
                | "numpy._core.multiarray._reconstruct"
                | "numpy.core.numeric._frombuffer"
                | "numpy._core.numeric._frombuffer"
        )
    ) || pth::is_tensor(graph, id)
}

/// Reads a torch tensor whose storage is contained in the pickle as the bytes of a nested `torch.save` file.
///
/// Tensors may share those bytes, so the decoded storages are kept in `storages`.
fn torch_array(
    source: &mut Source,
    graph: &Graph,
    (name, id): (&str, NodeId),
    (storages, budget): (&mut BTreeMap<NodeId, pth::Storage>, &mut u64),
) -> Result<Array, Reason> {
    let wrong = |what| Reason::Tensor { name: shortened(name), what };
    let storage = pth::storage_node(graph, id).map_err(wrong)?;
    let (Some("torch.storage._load_from_bytes"), Some(&[bytes])) =
        (graph.callee(storage), graph.args(storage))
    else {
        return Err(wrong(format!("expected a storage, found {}", graph.describe(storage))));
    };
    let storage = match storages.entry(content(graph, bytes)) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => {
            let bytes = read_bytes(source, graph, bytes)?;
            place.insert(pth::read_storage(bytes.to_vec()).map_err(|reason| match reason {
                // Attacks are reported by offset, damage by tensor.
                reason @ Reason::Refused { .. } => reason,
                reason => wrong(format!("its storage: {reason}")),
            })?)
        }
    };
    storage.cut_out(graph, id, budget).map_err(wrong)
}

/// The node of the string or bytes behind a node; two that stand for the same bytes usually share it.
fn content(graph: &Graph, id: NodeId) -> NodeId {
    match (graph.callee(id), graph.args(id)) {
        (Some("_codecs.encode"), Some(&[text, ..])) => text,
        _ => id,
    }
}

/// An array whose bytes are still in the file.
struct ArrayRef {
    dtype: DType,
    is_big_endian: bool,
    shape: Vec<usize>,
    is_column_major: bool,
    data: NodeId,
}

impl ArrayRef {
    fn parse(graph: &Graph, id: NodeId) -> Result<Self, String> {
        let malformed = || "the call that builds it is not complete".to_owned();
        let callee = graph.callee(id).unwrap_or_default();
        let (shape, dtype, is_column_major, data) = if callee.ends_with("_frombuffer") {
            let Some(&[data, dtype, shape, order]) = graph.args(id) else {
                return Err(malformed());
            };
            (shape, dtype, graph.text(order) == Some("F"), data)
        } else {
            let Node::Call { state: Some(state), .. } = *graph.node(id) else {
                return Err(malformed());
            };
            let Some(&[_version, shape, dtype, order, data]) = graph.sequence(state) else {
                return Err(malformed());
            };
            let is_column_major = match graph.node(order) {
                Node::Bool(value) => *value,
                Node::Int(value) => *value != 0,
                _ => return Err(malformed()),
            };
            (shape, dtype, is_column_major, data)
        };
        let shape = graph.sequence(shape).filter(|shape| shape.len() <= MAX_DIMENSIONS);
        let shape = shape.ok_or_else(malformed)?.iter().map(|&size| graph.usize(size)).collect();
        let (dtype, is_big_endian) = parse_dtype(graph, dtype)?;
        Ok(Self {
            dtype,
            is_big_endian,
            shape: Option::ok_or_else(shape, malformed)?,
            is_column_major,
            data,
        })
    }

    fn len_bytes(&self) -> Option<usize> {
        size_in_bytes(self.dtype, &self.shape)
    }

    fn with_bytes(self, mut bytes: Arc<[u8]>) -> Result<Array, String> {
        if self.len_bytes() != Some(bytes.len()) {
            return Err(format!(
                "shape {:?} of {} does not fit its {} bytes",
                self.shape,
                self.dtype,
                bytes.len()
            ));
        }
        if self.is_big_endian {
            let elements = Arc::make_mut(&mut bytes).chunks_exact_mut(self.dtype.size_bytes());
            elements.for_each(<[u8]>::reverse);
        }
        if self.is_column_major {
            bytes = to_row_major(&bytes, &self.shape, self.dtype.size_bytes()).into();
        }
        Array::new(self.dtype, &self.shape, bytes).map_err(|error| error.to_string())
    }
}

/// Reads `dtype("f4", False, True)` with its state `(version, byte order, …)`.
fn parse_dtype(graph: &Graph, id: NodeId) -> Result<(DType, bool), String> {
    let code = graph.args(id).and_then(|args| graph.text(*args.first()?));
    let (Some("numpy.dtype"), Some(code)) = (graph.callee(id), code) else {
        return Err(format!("expected an element type, found {}", graph.describe(id)));
    };
    let state = match graph.node(id) {
        Node::Call { state: Some(state), .. } => graph.sequence(*state).unwrap_or_default(),
        _ => &[],
    };
    let order = state.get(1).and_then(|&order| graph.text(order));
    let dtype = match code {
        "f8" => DType::F64,
        "f4" => DType::F32,
        "f2" => DType::F16,
        "i8" => DType::I64,
        "i4" => DType::I32,
        "i2" => DType::I16,
        "i1" => DType::I8,
        "u1" => DType::U8,
        "b1" => DType::Bool,
        _ => return Err(format!("elements of {} are not supported", shortened(code))),
    };
    Ok((dtype, order == Some(">")))
}

/// The bytes behind a node: bytes, or latin-1 text that stands for bytes.
fn read_bytes(source: &mut Source, graph: &Graph, id: NodeId) -> Result<Arc<[u8]>, Reason> {
    match graph.node(id) {
        Node::Bytes(bytes) => Ok(Arc::from(&**bytes)),
        &Node::Span { offset, len, utf8: false } => {
            source.set_window(offset, len)?;
            source.shared_bytes(len)
        }
        Node::Call { .. } => match (graph.callee(id), graph.args(id).unwrap_or_default()) {
            (Some("_codecs.encode"), &[text, ..]) => latin1_bytes(source, graph, text),
            (Some("builtins.bytes" | "__builtin__.bytes"), &[]) => Ok(Arc::from([])),
            _ => Err(no_bytes(graph, id)),
        },
        _ => Err(no_bytes(graph, id)),
    }
}

/// Reverses the encoding of bytes that Python 3 uses in protocols without them.
fn latin1_bytes(source: &mut Source, graph: &Graph, id: NodeId) -> Result<Arc<[u8]>, Reason> {
    let text = match graph.node(id) {
        Node::Text(text) => text.clone().into_string(),
        &Node::Span { offset, len, utf8: true } => {
            source.set_window(offset, len)?;
            let bytes = source.bytes(len)?;
            String::from_utf8(bytes).map_err(|_error| no_bytes(graph, id))?
        }
        _ => return Err(no_bytes(graph, id)),
    };
    let bytes: Result<_, _> = text.chars().map(u8::try_from).collect();
    bytes.map_err(|_error| no_bytes(graph, id))
}

fn no_bytes(graph: &Graph, id: NodeId) -> Reason {
    Reason::Unsupported(format!("an array whose content is {}", graph.describe(id)))
}

/// Reorders elements whose first axis varies fastest.
fn to_row_major(bytes: &[u8], shape: &[usize], element: usize) -> Vec<u8> {
    let mut reordered = Vec::with_capacity(bytes.len());
    let mut index = vec![0; shape.len()];
    while reordered.len() < bytes.len() {
        let position = index.iter().zip(shape).rev().fold(0, |sum, (i, size)| sum * size + i);
        reordered.extend_from_slice(&bytes[position * element..(position + 1) * element]);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    reordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8]) -> Result<StateDict, Reason> {
        crate::reader::read_source(&mut Source::from_bytes(bytes.to_vec()))
    }

    /// A dict with one array `w`, in protocol 2 with bytes as Python 2 wrote them.
    fn pickle(
        shape: &[u8],
        dtype: &str,
        state: &str,
        is_column_major: bool,
        data: &[u8],
    ) -> Vec<u8> {
        let sizes: Vec<u8> = shape.iter().flat_map(|&size| [b'K', size]).collect();
        [
            &b"\x80\x02}U\x01wcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"[..],
            b"K\x00\x85U\x01b\x87R(K\x01(",
            &sizes,
            b"tcnumpy\ndtype\n",
            &[b'U', dtype.len() as u8],
            dtype.as_bytes(),
            b"K\x00K\x01\x87R(K\x03U\x01",
            state.as_bytes(),
            b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            if is_column_major { &b"\x88"[..] } else { &b"\x89"[..] },
            b"T",
            &(data.len() as u32).to_le_bytes(),
            data,
            b"tbs.",
        ]
        .concat()
    }

    #[test]
    fn arrays_of_every_order_are_read() {
        let check = |bytes: &[u8], shape: &[usize], expected: &[f64]| {
            let state = read_bytes(bytes).unwrap();
            let array = state.get("w").unwrap();
            assert_eq!((array.shape(), &*array.to_f64_vec()), (shape, expected));
        };
        let shorts = [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0];
        check(&pickle(&[2, 3], "i2", "<", false, &shorts), &[2, 3], &[1., 2., 3., 4., 5., 6.]);
        check(&pickle(&[2, 3], "i2", "<", true, &shorts), &[2, 3], &[1., 3., 5., 2., 4., 6.]);
        check(&pickle(&[2], "i2", ">", false, &[1, 0, 0, 2]), &[2], &[256., 2.]);
        check(&pickle(&[], "u1", "|", false, &[9]), &[], &[9.]);
        check(&pickle(&[3, 0], "f4", "<", true, &[]), &[3, 0], &[]);
        check(&pickle(&[2], "f2", "<", false, &[0, 0x3c, 0, 0xc0]), &[2], &[1., -2.]);
    }

    #[test]
    fn arrays_beyond_the_inline_limit_are_read_from_the_file() {
        let data: Vec<u8> = (0..250u8).cycle().take(200 * 100).collect();
        let state = read_bytes(&pickle(&[200, 100], "u1", "|", false, &data)).unwrap();
        assert_eq!(state.get("w").unwrap().bytes(), data);
    }

    #[test]
    fn wrong_arrays_are_errors() {
        let check = |bytes: &[u8], expected: &str| {
            let error = read_bytes(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(
            &pickle(&[2], "f4", "<", false, &[0; 7]),
            "shape [2] of float32 does not fit its 7 bytes",
        );
        check(&pickle(&[255; 9], "f8", "<", false, &[]), "is out of proportion to the file");
        check(
            &pickle(&[1], "O8", "|", false, &[0; 8]),
            "tensor \"w\": elements of O8 are not supported",
        );
        check(&pickle(&[1; 65], "u1", "|", false, &[0]), "the call that builds it is not complete");
    }

    #[test]
    fn pickles_without_arrays_say_what_they_hold() {
        let check = |bytes: &[u8], expected: &str| {
            let error = read_bytes(bytes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check(b"\x80\x02]K\x01a.", "expected a dict of named tensors, found a list");
        check(
            b"\x80\x02}(U\x05imageK\x01U\x03boxK\x02u.",
            "a dict with the keys [\"image\", \"box\"]",
        );
    }
}
