//! Reads each storage once, and extracts the tensors from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tensor::{StorageRef, TensorView};
use crate::Array;
use crate::array::size_in_bytes;
use crate::error::Reason;
use crate::pickle::{Graph, NodeId, shortened};
use crate::source::Source;

/// A range of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// A single storage that has been read.
#[derive(Debug)]
pub(crate) struct Storage {
    reference: StorageRef,
    bytes: Arc<[u8]>,
}

impl Storage {
    pub(super) fn new(reference: StorageRef, bytes: Arc<[u8]>) -> Self {
        Self { reference, bytes }
    }

    /// The tensor that the call at `id` builds from this storage; `budget` is what all tensors together may still
    /// allocate.
    pub(crate) fn cut_out(
        &self,
        graph: &Graph,
        id: NodeId,
        budget: &mut u64,
    ) -> Result<Array, String> {
        let view = TensorView::of_storage(graph, id, &self.reference)?;
        cut_out(&self.bytes, &view, budget)
    }
}

/// Finds a storage by its key.
pub(super) type Locate<'a> = &'a dyn Fn(&mut Source, &str) -> Result<Option<Location>, Reason>;

/// Reads all views in the given order. Equal views share their bytes.
pub(super) fn read_views(
    source: &mut Source,
    views: &[(&str, TensorView)],
    locate: Locate<'_>,
) -> Result<Vec<Array>, Reason> {
    let mut indices_by_key: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (_, view)) in views.iter().enumerate() {
        indices_by_key.entry(&view.storage.key).or_default().push(index);
    }
    let mut storages = Vec::with_capacity(indices_by_key.len());
    for (key, indices) in indices_by_key {
        let name = views[indices[0]].0;
        let location = locate(source, key)?.ok_or_else(|| {
            wrong(name, format!("its storage {:?} is not in the file", shortened(key)))
        })?;
        storages.push((location, indices));
    }
    storages.sort_by_key(|(location, _)| location.offset);
    let total = storages.iter().fold(0u64, |sum, (at, _)| sum.saturating_add(at.len));
    if total > source.len() {
        return Err(source.malformed("the storages are larger than the file"));
    }
    let mut budget = source.array_budget();
    let mut arrays = vec![None; views.len()];
    for (location, indices) in storages {
        source.set_window(location.offset, location.len)?;
        let storage = source.shared_bytes(location.len)?;
        let mut cut: Vec<(&TensorView, Array)> = Vec::new();
        for index in indices {
            let (name, view) = &views[index];
            let known = cut.iter().take(MAX_REMEMBERED).find(|(known, _)| *known == view);
            let array = match known {
                Some((_, array)) => array.clone(),
                None => cut_out(&storage, view, &mut budget).map_err(|what| wrong(name, what))?,
            };
            if known.is_none() {
                cut.push((view, array.clone()));
            }
            arrays[index] = Some(array);
        }
    }
    Ok(arrays.into_iter().flatten().collect())
}

/// Maximum number of distinct views of a storage that are compared to find equal ones; two or three are usual.
const MAX_REMEMBERED: usize = 16;

fn wrong(name: &str, what: String) -> Reason {
    Reason::Tensor { name: shortened(name), what }
}

fn cut_out(storage: &Arc<[u8]>, view: &TensorView, budget: &mut u64) -> Result<Array, String> {
    let dtype = view.storage.dtype;
    let element = dtype.size_bytes();
    if view.storage.num_elements.checked_mul(element) != Some(storage.len()) {
        return Err(format!(
            "its storage should hold {} elements of {dtype}, found {} bytes",
            view.storage.num_elements,
            storage.len()
        ));
    }
    let len = size_in_bytes(dtype, &view.shape).filter(|&len| len as u64 <= *budget);
    let Some(len) = len else {
        return Err(format!("shape {:?} is out of proportion to the file", view.shape));
    };
    *budget -= len as u64;
    let bytes = if len == 0 {
        Arc::from([])
    } else if view.is_contiguous() && len == storage.len() {
        Arc::clone(storage)
    } else if view.is_contiguous() {
        let start = view.offset * element;
        Arc::from(&storage[start..start + len])
    } else {
        gather(storage, view, len)
    };
    Array::new(dtype, &view.shape, bytes).map_err(|error| error.to_string())
}

/// Copies the elements of a view in row-major order; the view is known to be in range.
fn gather(storage: &[u8], view: &TensorView, len: usize) -> Arc<[u8]> {
    let element = view.storage.dtype.size_bytes();
    let mut bytes = Vec::with_capacity(len);
    let mut index = vec![0; view.shape.len()];
    let mut position = view.offset;
    while bytes.len() < len {
        bytes.extend_from_slice(&storage[position * element..(position + 1) * element]);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            position += view.strides[axis];
            if index[axis] < view.shape[axis] {
                break;
            }
            position -= view.strides[axis] * index[axis];
            index[axis] = 0;
        }
    }
    bytes.into()
}
