use std::fs;

use super::*;

/// A file with this header and this many bytes of tensors.
fn file(header: &str, data_len: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data_len, 0);
    bytes
}

fn read_bytes(bytes: Vec<u8>) -> Result<StateDict, Reason> {
    crate::reader::read_source(&mut Source::from_bytes(bytes))
}

fn sample() -> StateDict {
    let mut state = StateDict::new();
    state.insert("b.weight", Array::from_f32(&[2, 2], &[1.0, -2.0, f32::NAN, 0.5]).unwrap());
    state.insert("a.count", Array::from_i64(&[], &[7]).unwrap());
    state.insert("c.empty", Array::from_f32(&[0, 4], &[]).unwrap());
    for (index, dtype) in [DType::F64, DType::F16, DType::BF16, DType::I32, DType::I16, DType::I8]
        .into_iter()
        .chain([DType::U8, DType::Bool])
        .enumerate()
    {
        let bytes = vec![1; 3 * dtype.size_bytes()];
        state.insert(format!("d.{index}"), Array::new(dtype, &[3], bytes.into()).unwrap());
    }
    state.metadata.insert("epoch".into(), "12 \"quoted\"".into());
    state
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("état.safetensors");
    let state = sample();
    write_safetensors(&path, &state).unwrap();
    assert_eq!(crate::read(&path).unwrap(), state);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(u64::from_le_bytes(bytes[..8].try_into().unwrap()) % 8, 0, "the data is aligned");
}

#[test]
fn writing_replaces_the_old_file_and_leaves_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, "old").unwrap();
    write_safetensors(&path, &sample()).unwrap();
    assert_eq!(crate::read(&path).unwrap(), sample());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_write_that_fails_names_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing/model.safetensors");
    let error = write_safetensors(&path, &sample()).unwrap_err().to_string();
    assert!(error.contains("missing/model.safetensors: "), "{error}");
    // A folder cannot be replaced by a file, and the temporary file is gone.
    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    write_safetensors(&taken, &sample()).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_offset_table_that_breaks_the_format_is_an_error() {
    let check = |header: &str, data_len: usize, expected: &str| {
        let error = read_bytes(file(header, data_len)).unwrap_err().to_string();
        assert!(error.contains(expected), "{header}: {error}");
    };
    let entry =
        |begin, end| format!(r#"{{"dtype":"F32","shape":[1],"data_offsets":[{begin},{end}]}}"#);
    let good = entry(0, 4);
    assert!(read_bytes(file(&format!(r#"{{"w":{good}}}"#), 4)).is_ok());
    check(&format!(r#"{{"w":{good}}}"#), 3, "expected 4 bytes of tensors, found 3");
    check(&format!(r#"{{"w":{good}}}"#), 5, "expected 4 bytes of tensors, found 5");
    check(&format!(r#"{{"w":{}}}"#, entry(4, 8)), 8, "\"w\" starts at 4, expected 0");
    check(&format!(r#"{{"v":{good},"w":{good}}}"#), 4, "\"w\" starts at 0, expected 4");
    check(&format!(r#"{{"w":{}}}"#, entry(4, 0)), 4, "does not fit data_offsets 4 to 0");
    check(&format!(r#"{{"w":{}}}"#, entry(0, 8)), 8, "does not fit data_offsets 0 to 8");
    check(r#"{"w":{"dtype":"F8_E4M3","shape":[],"data_offsets":[0,1]}}"#, 1, "elements of F8_E4M3");
    check(r#"{"w":{"shape":[],"data_offsets":[0,1]}}"#, 1, "tensor \"w\": it has no dtype");
    check(
        r#"{"w":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#,
        1,
        "its shape is not a list",
    );
    check(r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, 1, "are not two numbers");
    check(
        r#"{"w":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,4]}}"#,
        4,
        "fit",
    );
    check(r#"{"w":3}"#, 0, "tensor \"w\": it has no dtype");
    check(r#"{"w""#, 0, "the header is not JSON");
    check(r#"{"__metadata__":{"epoch":3}}"#, 0, "__metadata__ is not a map of strings");
    check(r#"{"__metadata__":{"epoch":"3"}}"#, 0, "a safetensors file without tensors");
}

#[test]
fn a_header_longer_than_the_file_is_an_error() {
    let mut bytes = (1u64 << 20).to_le_bytes().to_vec();
    bytes.extend(b"{\"w\":");
    let error = read_bytes(bytes).unwrap_err().to_string();
    assert!(
        error.contains("damaged safetensors file at byte 8: the bytes end too early"),
        "{error}"
    );
}

#[test]
fn deep_nesting_is_an_error() {
    let header = format!("{{\"w\":{}", "[".repeat(100_000));
    assert!(read_bytes(file(&header, 0)).is_err());
}
