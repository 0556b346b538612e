//! PyTorch files: the zip archive of `torch.save`, and the stream that torch wrote before 1.6.
//!
//! Source: `torch/serialization.py`, `_load` and `_legacy_load`.

mod archive;
mod storage;
mod tensor;
mod write;
mod zip;

use std::collections::BTreeMap;

use crate::entries;
use crate::error::Reason;
use crate::file_kind::{self, FileKind};
use crate::pickle::{self, Graph, Node, NodeId};
use crate::source::Source;
use crate::{Array, StateDict};
use storage::Location;
pub(crate) use storage::Storage;
use tensor::StorageRef;
pub(crate) use tensor::{is_tensor, storage_node};
pub use write::write_pth;

/// Follows the magic number in the old stream format.
const LEGACY_PROTOCOL: i128 = 1001;
/// Configurations stored beside weights have several ten thousand bytes.
const MAX_LONG_TEXTS: u64 = 1 << 20;

/// A file whose pickle is loaded, but whose tensors are not.
pub(crate) struct Opened {
    pub(crate) graph: Graph,
    storages: Storages,
}

/// Where the storages are.
enum Storages {
    Archive { archive: zip::Archive, root: String },
    Stream(BTreeMap<String, Location>),
}

impl Storages {
    /// Finds a storage by its key.
    fn locate(&self, source: &mut Source, key: &str) -> Result<Option<Location>, Reason> {
        match self {
            Self::Archive { archive, root } => archive.locate(source, &format!("{root}data/{key}")),
            Self::Stream(locations) => Ok(locations.get(key).copied()),
        }
    }
}

/// Reads the named tensors of a zip archive.
pub(crate) fn read_zip(source: &mut Source) -> Result<StateDict, Reason> {
    let opened = open_zip(source)?;
    read_tensors(source, &opened)
}

/// Reads the named tensors of the old stream, after its magic number.
pub(crate) fn read_legacy(source: &mut Source) -> Result<StateDict, Reason> {
    let opened = open_legacy(source)?;
    read_tensors(source, &opened)
}

/// Reads the pickle of a zip archive.
pub(crate) fn open_zip(source: &mut Source) -> Result<Opened, Reason> {
    source.set_format("zip archive");
    let archive = zip::read_directory(source)?;
    let root = archive.root()?;
    if archive.contains(&format!("{root}constants.pkl")) {
        let what = "this is a TorchScript archive; save `model.state_dict()` with torch.save";
        return Err(Reason::Unsupported(what.into()));
    }
    let byte_order = archive.locate(source, &format!("{root}byteorder"))?;
    check_byte_order(source, byte_order)?;
    let Some(pickle) = archive.locate(source, &format!("{root}data.pkl"))? else {
        return Err(source.malformed("the archive has no data.pkl"));
    };
    source.set_window(pickle.offset, pickle.len)?;
    let mut graph = pickle::load(source)?;
    graph.read_long_texts(source, MAX_LONG_TEXTS)?;
    source.set_format("zip archive");
    Ok(Opened { graph, storages: Storages::Archive { archive, root } })
}

fn check_byte_order(source: &mut Source, entry: Option<Location>) -> Result<(), Reason> {
    let Some(location) = entry else { return Ok(()) };
    source.set_window(location.offset, location.len)?;
    match &*source.bytes(location.len.min(16))? {
        b"little" => Ok(()),
        b"big" => Err(Reason::Unsupported("tensors in big-endian order".into())),
        _ => Err(source.malformed("the byte order is neither little nor big")),
    }
}

/// Reads the pickles of the old stream, after its magic number.
pub(crate) fn open_legacy(source: &mut Source) -> Result<Opened, Reason> {
    let protocol = pickle::load(source)?;
    if *protocol.node(protocol.root()) != Node::Int(LEGACY_PROTOCOL) {
        return Err(Reason::Unsupported("a torch stream of a version other than 1001".into()));
    }
    let system = pickle::load(source)?;
    for &(key, value) in system.dict(system.root()).unwrap_or_default() {
        if system.text(key) == Some("little_endian") && *system.node(value) == Node::Bool(false) {
            return Err(Reason::Unsupported("tensors in big-endian order".into()));
        }
    }
    let graph = pickle::load(source)?;
    let keys = pickle::load(source)?;
    let locations = legacy_locations(source, &graph, &keys)?;
    Ok(Opened { graph, storages: Storages::Stream(locations) })
}

/// The storages follow the pickles, each after its number of elements.
fn legacy_locations(
    source: &mut Source,
    graph: &Graph,
    keys: &Graph,
) -> Result<BTreeMap<String, Location>, Reason> {
    source.set_format("torch stream");
    let storages = graph.nodes().iter().filter_map(|node| match node {
        Node::Persistent(id) => StorageRef::parse(graph, *id).ok(),
        _ => None,
    });
    let dtypes: BTreeMap<_, _> = storages.map(|storage| (storage.key, storage.dtype)).collect();
    let mut locations = BTreeMap::new();
    for &key in keys.sequence(keys.root()).unwrap_or_default() {
        let key = tensor::storage_key(keys, key)
            .ok_or_else(|| source.malformed("a storage key is not a string"))?;
        let Some(dtype) = dtypes.get(&key) else {
            return Err(source.malformed(format!("the type of storage {key:?} is not known")));
        };
        let num_elements = u64::from_le_bytes(source.array()?);
        let len = num_elements
            .checked_mul(dtype.size_bytes() as u64)
            .ok_or_else(|| source.malformed("a storage is too long"))?;
        locations.insert(key, Location { offset: source.position(), len });
        source.skip(len)?;
    }
    Ok(locations)
}

/// Reads a file in memory that contains a single storage.
pub(crate) fn read_storage(bytes: Vec<u8>) -> Result<Storage, Reason> {
    let mut source = Source::from_bytes(bytes);
    let opened = match file_kind::detect(&mut source)? {
        FileKind::Zip => open_zip(&mut source)?,
        FileKind::Stream => open_legacy(&mut source)?,
        _ => return Err(source.malformed("expected a storage of torch")),
    };
    let graph = &opened.graph;
    let Node::Persistent(id) = *graph.node(graph.root()) else {
        let found = graph.describe(graph.root());
        return Err(source.malformed(format!("expected a storage, found {found}")));
    };
    let reference = StorageRef::parse(graph, id).map_err(|what| source.malformed(what))?;
    let location = opened.storages.locate(&mut source, &reference.key)?;
    let location = location.ok_or_else(|| source.malformed("the storage is not in the file"))?;
    source.set_window(location.offset, location.len)?;
    let bytes = source.shared_bytes(location.len)?;
    Ok(Storage::new(reference, bytes))
}

fn read_tensors(source: &mut Source, opened: &Opened) -> Result<StateDict, Reason> {
    let entries = entries::find(&opened.graph, is_tensor)?;
    let arrays = read_arrays(source, opened, &entries.tensors)?;
    Ok(entries.into_state_dict(arrays))
}

/// Reads the tensors at some nodes in the given order; the names are for messages.
pub(crate) fn read_arrays(
    source: &mut Source,
    opened: &Opened,
    tensors: &[(String, NodeId)],
) -> Result<Vec<Array>, Reason> {
    let mut views = Vec::with_capacity(tensors.len());
    for (name, id) in tensors {
        match tensor::TensorView::parse(&opened.graph, *id) {
            Ok(view) => views.push((name.as_str(), view)),
            Err(what) => {
                return Err(Reason::Tensor { name: pickle::shortened(name), what });
            }
        }
    }
    let locate = |source: &mut Source, key: &str| opened.storages.locate(source, key);
    storage::read_views(source, &views, &locate)
}

#[cfg(test)]
mod tests;
