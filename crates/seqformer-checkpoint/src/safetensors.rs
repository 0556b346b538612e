//! safetensors: a JSON header, then the tensors one after another.
//!
//! Source: the format section of the `safetensors` project's README.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::array::size_in_bytes;
use crate::error::{CheckpointError, Reason};
use crate::pickle::shortened;
use crate::source::Source;
use crate::{Array, DType, StateDict, wrappers};

/// Some two hundred thousand tensors.
const MAX_HEADER_LEN: u64 = 32 << 20;
const METADATA_KEY: &str = "__metadata__";
/// Tensors start at multiples of this, so that they can be memory-mapped.
const ALIGNMENT: usize = 8;

/// True if the file starts with the length of a JSON header.
pub(crate) fn has_signature(head: &[u8]) -> bool {
    let Some((&len, rest)) = head.split_first_chunk::<8>() else { return false };
    rest.first() == Some(&b'{') && u64::from_le_bytes(len) <= MAX_HEADER_LEN
}

/// One tensor of the header; offsets count from the end of the header.
struct Entry {
    name: String,
    dtype: DType,
    shape: Vec<usize>,
    begin: u64,
    end: u64,
}

/// Reads a file from its first byte on.
pub(crate) fn read(source: &mut Source) -> Result<StateDict, Reason> {
    source.set_format("safetensors file");
    let header_len = u64::from_le_bytes(source.array()?);
    let header = source.bytes(header_len)?;
    let header: Map<String, Value> = serde_json::from_slice(&header)
        .map_err(|error| source.malformed(format!("the header is not JSON: {error}")))?;
    let data_start = source.position();
    let mut state = StateDict::default();
    let mut entries = Vec::with_capacity(header.len());
    for (name, value) in header {
        if name == METADATA_KEY {
            state.metadata = metadata(&value)
                .ok_or_else(|| source.malformed("__metadata__ is not a map of strings"))?;
        } else {
            entries.push(entry(name, &value)?);
        }
    }
    if entries.is_empty() {
        return Err(Reason::NoTensors { found: "a safetensors file without tensors".into() });
    }
    check_tiling(source, &mut entries)?;
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let unwrapped = wrappers::unwrap(&names)?;
    state.remarks = unwrapped.remarks;
    for (entry, name) in entries.into_iter().zip(unwrapped.names) {
        let Some(name) = name else { continue };
        source.set_window(data_start + entry.begin, entry.end - entry.begin)?;
        let bytes = source.shared_bytes(entry.end - entry.begin)?;
        let array = Array::new(entry.dtype, &entry.shape, bytes).map_err(|error| {
            Reason::Tensor { name: shortened(&entry.name), what: error.to_string() }
        })?;
        state.arrays.insert(name, array);
    }
    Ok(state)
}

fn metadata(value: &Value) -> Option<BTreeMap<String, String>> {
    let entries = value.as_object()?;
    entries.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn entry(name: String, value: &Value) -> Result<Entry, Reason> {
    let wrong = |what: String| Reason::Tensor { name: shortened(&name), what };
    let dtype = value.get("dtype").and_then(Value::as_str);
    let dtype = dtype.ok_or_else(|| wrong("it has no dtype".into()))?;
    let dtype = parse_dtype(dtype)
        .ok_or_else(|| wrong(format!("elements of {} are not supported", shortened(dtype))))?;
    let numbers = |key: &str| {
        let numbers = value.get(key)?.as_array()?;
        numbers.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>()
    };
    let shape = numbers("shape").ok_or_else(|| wrong("its shape is not a list of sizes".into()))?;
    let shape: Vec<usize> = shape.into_iter().map(|size| size as usize).collect();
    let Some(&[begin, end]) = numbers("data_offsets").as_deref() else {
        return Err(wrong("its data_offsets are not two numbers".into()));
    };
    let len = size_in_bytes(dtype, &shape).map(|len| len as u64);
    if len.is_none() || end.checked_sub(begin) != len {
        return Err(wrong(format!(
            "shape {shape:?} of {dtype} does not fit data_offsets {begin} to {end}"
        )));
    }
    Ok(Entry { name, dtype, shape, begin, end })
}

/// Checks that the tensors fill the rest of the file without gaps or overlaps, as the format
/// requires.
fn check_tiling(source: &Source, entries: &mut [Entry]) -> Result<(), Reason> {
    entries.sort_by_key(|entry| (entry.begin, entry.end));
    let mut end = 0;
    for entry in &*entries {
        if entry.begin != end {
            let what =
                format!("{:?} starts at {}, expected {end}", shortened(&entry.name), entry.begin);
            return Err(source.malformed(what));
        }
        end = entry.end;
    }
    if end != source.remaining() {
        let found = source.remaining();
        return Err(source.malformed(format!("expected {end} bytes of tensors, found {found}")));
    }
    Ok(())
}

/// Writes `state` to `path` atomically: readers see either the old file or the new one.
///
/// # Errors
///
/// Fails if the folder or the file cannot be written; the old file is then unchanged.
pub fn write_safetensors(path: &Path, state: &StateDict) -> Result<(), CheckpointError> {
    write(path, state).map_err(|error| Reason::Io(error).at(path))
}

fn write(path: &Path, state: &StateDict) -> io::Result<()> {
    let mut arrays: Vec<_> = state.arrays.iter().collect();
    // Wide elements first, so that every tensor is aligned.
    arrays.sort_by_key(|(_, array)| std::cmp::Reverse(array.dtype().size_bytes()));
    let header = header(&arrays, &state.metadata)?;
    seqformer_files::replace(path, |file| {
        let mut writer = BufWriter::new(file);
        writer.write_all(&(header.len() as u64).to_le_bytes())?;
        writer.write_all(&header)?;
        for (_, array) in arrays {
            writer.write_all(array.bytes())?;
        }
        writer.flush()
    })
}

fn header(
    arrays: &[(&String, &Array)],
    metadata: &BTreeMap<String, String>,
) -> io::Result<Vec<u8>> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA_KEY.to_owned(), json!(metadata));
    }
    let mut begin = 0;
    for (name, array) in arrays {
        let end = begin + array.bytes().len();
        let entry = json!({
            "dtype": dtype_name(array.dtype()),
            "shape": array.shape(),
            "data_offsets": [begin, end],
        });
        header.insert((*name).clone(), entry);
        begin = end;
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    Ok(header)
}

fn dtype_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F64 => "F64",
        DType::F32 => "F32",
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        DType::I64 => "I64",
        DType::I32 => "I32",
        DType::I16 => "I16",
        DType::I8 => "I8",
        DType::U8 => "U8",
        DType::Bool => "BOOL",
    }
}

fn parse_dtype(name: &str) -> Option<DType> {
    const ALL: [DType; 10] = [
        DType::F64,
        DType::F32,
        DType::F16,
        DType::BF16,
        DType::I64,
        DType::I32,
        DType::I16,
        DType::I8,
        DType::U8,
        DType::Bool,
    ];
    ALL.into_iter().find(|&dtype| dtype_name(dtype) == name)
}

#[cfg(test)]
mod tests;
