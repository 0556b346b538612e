//! Writes files that `torch.load(weights_only=True)` can read.
//!
//! Source: `torch/serialization.py`, `_save`; `torch/_utils.py`, `_rebuild_tensor_v2`. The pickle has protocol 2 and no
//! memo; tensors that share their bytes share a storage.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use super::archive::ArchiveWriter;
use crate::error::{CheckpointError, Reason};
use crate::{Array, DType, Value};

/// The folder of all records.
const ROOT: &str = "archive";
/// What torch calls version 3 of its archives.
const VERSION: &[u8] = b"3\n";
/// Keys and values that one opcode adds to a dict or list, as in Python.
const BATCH: usize = 1000;

/// Writes `value` to `path` like `torch.save`, but atomically: readers see either the old file or the new one.
///
/// # Errors
///
/// Fails if the value contains a [`Value::Other`], or if the folder or the file cannot be written; the old file is then
/// unchanged.
pub fn write_pth(path: &Path, value: &Value) -> Result<(), CheckpointError> {
    let mut pickle =
        Pickle { bytes: b"\x80\x02".to_vec(), storages: Vec::new(), keys: BTreeMap::new() };
    pickle.value(value).map_err(|reason| reason.at(path))?;
    pickle.bytes.push(b'.');
    seqformer_files::replace(path, |file| write_archive(file, &pickle))
        .map_err(|error| Reason::Io(error).at(path))
}

fn write_archive(file: &mut File, pickle: &Pickle<'_>) -> io::Result<()> {
    let mut archive = ArchiveWriter::new(BufWriter::new(file));
    let mut add = |name: &str, bytes: &[u8]| archive.add(&format!("{ROOT}/{name}"), bytes);
    add("data.pkl", &pickle.bytes)?;
    add("byteorder", b"little")?;
    for (key, storage) in pickle.storages.iter().enumerate() {
        add(&format!("data/{key}"), storage.bytes())?;
    }
    add("version", VERSION)?;
    archive.finish().map(drop)
}

/// A pickle being written.
struct Pickle<'a> {
    bytes: Vec<u8>,
    storages: Vec<&'a Array>,
    /// Storages by address, length and type.
    keys: BTreeMap<(usize, usize, DType), usize>,
}

impl<'a> Pickle<'a> {
    fn value(&mut self, value: &'a Value) -> Result<(), Reason> {
        match value {
            Value::None => self.bytes.push(b'N'),
            Value::Bool(value) => self.bytes.push(if *value { 0x88 } else { 0x89 }),
            Value::Int(value) => self.int(*value),
            Value::Float(value) => {
                self.bytes.push(b'G');
                self.bytes.extend(value.to_be_bytes());
            }
            Value::Text(text) => self.text(text)?,
            Value::List(items) => {
                self.bytes.push(b']');
                for batch in items.chunks(BATCH) {
                    self.bytes.push(b'(');
                    batch.iter().try_for_each(|item| self.value(item))?;
                    self.bytes.push(b'e');
                }
            }
            Value::Tuple(items) => {
                self.bytes.push(b'(');
                items.iter().try_for_each(|item| self.value(item))?;
                self.bytes.push(b't');
            }
            Value::Dict(entries) => {
                self.bytes.push(b'}');
                for batch in entries.chunks(BATCH) {
                    self.bytes.push(b'(');
                    for (key, value) in batch {
                        self.value(key)?;
                        self.value(value)?;
                    }
                    self.bytes.push(b'u');
                }
            }
            Value::Tensor(array) => self.tensor(array)?,
            Value::Other(what) => {
                return Err(Reason::Unsupported(format!("writing {what} to a checkpoint")));
            }
        }
        Ok(())
    }

    fn int(&mut self, value: i64) {
        if let Ok(small) = i32::try_from(value) {
            self.bytes.push(b'J');
            self.bytes.extend(small.to_le_bytes());
        } else {
            self.bytes.extend([0x8a, 8]);
            self.bytes.extend(value.to_le_bytes());
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Reason> {
        let len = u32::try_from(text.len())
            .map_err(|_too_long| Reason::Unsupported("writing a string of 4 GiB".to_owned()))?;
        self.bytes.push(b'X');
        self.bytes.extend(len.to_le_bytes());
        self.bytes.extend(text.as_bytes());
        Ok(())
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`
    fn tensor(&mut self, array: &'a Array) -> Result<(), Reason> {
        let next = self.storages.len();
        let identity = (array.address(), array.bytes().len(), array.dtype());
        let key = *self.keys.entry(identity).or_insert(next);
        if key == next {
            self.storages.push(array);
        }
        self.bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        self.text("storage")?;
        self.bytes.extend(format!("ctorch\n{}\n", storage_class(array.dtype())).as_bytes());
        self.text(&key.to_string())?;
        self.text("cpu")?;
        self.int(array.num_elements() as i64);
        self.bytes.extend(b"tQ");
        self.int(0);
        self.sizes(array.shape());
        self.sizes(&strides(array.shape()));
        self.bytes.extend(b"\x89ccollections\nOrderedDict\n)RtR");
        Ok(())
    }

    fn sizes(&mut self, sizes: &[usize]) {
        self.bytes.push(b'(');
        for &size in sizes {
            self.int(size as i64);
        }
        self.bytes.push(b't');
    }
}

/// Elements from one index to the next along each axis, in row-major order.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

fn storage_class(dtype: DType) -> &'static str {
    match dtype {
        DType::F64 => "DoubleStorage",
        DType::F32 => "FloatStorage",
        DType::F16 => "HalfStorage",
        DType::BF16 => "BFloat16Storage",
        DType::I64 => "LongStorage",
        DType::I32 => "IntStorage",
        DType::I16 => "ShortStorage",
        DType::I8 => "CharStorage",
        DType::U8 => "ByteStorage",
        DType::Bool => "BoolStorage",
    }
}

#[cfg(test)]
mod tests;
