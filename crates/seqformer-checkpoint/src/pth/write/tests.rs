use std::process::Command;

use super::*;
use crate::{StateDict, read, read_tree};

fn tensor(shape: &[usize], values: &[f32]) -> Value {
    Value::Tensor(Array::from_f32(shape, values).unwrap())
}

fn array(dtype: DType, shape: &[usize], bytes: &[u8]) -> Value {
    Value::Tensor(Array::new(dtype, shape, bytes.into()).unwrap())
}

/// A training checkpoint with every kind of value; tied tensors in `model`.
fn training() -> Value {
    let weight = tensor(&[2, 3], &[1.0, -2.5, 3.0, 0.0, f32::INFINITY, 1e-20]);
    let model = Value::dict([
        ("head.weight", weight.clone()),
        ("alias.weight", weight),
        ("scalar", tensor(&[], &[7.0])),
        ("empty", tensor(&[0, 4], &[])),
        ("index", Value::Tensor(Array::from_i64(&[2], &[-1, i64::MAX]).unwrap())),
        ("f64", array(DType::F64, &[1], &0.1f64.to_le_bytes())),
        ("f16", array(DType::F16, &[2], &[0, 0x3c, 0, 0xc0])),
        ("bf16", array(DType::BF16, &[1], &[0x80, 0x3f])),
        ("i32", array(DType::I32, &[1], &(-5i32).to_le_bytes())),
        ("i16", array(DType::I16, &[1], &300i16.to_le_bytes())),
        ("i8", array(DType::I8, &[1], &[0xff])),
        ("u8", array(DType::U8, &[3], &[0, 128, 255])),
        ("flags", array(DType::Bool, &[2], &[1, 0])),
    ]);
    let moments =
        Value::dict([("step", tensor(&[], &[3.0])), ("exp_avg", tensor(&[2], &[0.5, 0.25]))]);
    let group = Value::dict([
        ("lr", Value::Float(1e-4)),
        ("betas", Value::Tuple(vec![Value::Float(0.9), Value::Float(0.999)])),
        ("foreach", Value::None),
        ("amsgrad", Value::Bool(false)),
        ("params", Value::List((0..2500).map(Value::Int).collect())),
    ]);
    let optimizer = Value::dict([
        ("state", Value::Dict(vec![(Value::Int(0), moments)])),
        ("param_groups", Value::List(vec![group])),
    ]);
    Value::dict([
        ("model", model),
        (
            "trainer",
            Value::dict([("optimizer", optimizer), ("größe", Value::Text("ü".to_owned()))]),
        ),
        ("iteration", Value::Int(999)),
        ("seed", Value::Int(-1 << 40)),
        ("resumed", Value::Bool(true)),
    ])
}

#[test]
fn what_was_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model_0000999.pth");
    write_pth(&path, &training()).unwrap();
    assert_eq!(read_tree(&path).unwrap(), training());
    let state = read(&path).unwrap();
    assert_eq!(Value::from(&state).as_dict().unwrap().len(), 13);
    assert!(
        state.get("head.weight").unwrap().shares_bytes_with(state.get("alias.weight").unwrap())
    );
    assert_eq!(state.metadata["iteration"], "999");
    // Nothing is left beside the file.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn tied_tensors_are_stored_once() {
    let size = |tied: bool| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tied.pth");
        let weight = || tensor(&[10_000], &vec![1.5; 10_000]);
        let first = weight();
        let second = if tied { first.clone() } else { weight() };
        write_pth(&path, &Value::dict([("a", first), ("b", second)])).unwrap();
        path.metadata().unwrap().len()
    };
    assert!(size(true) < 42_000 && size(false) > 80_000);
}

#[test]
fn storages_are_aligned() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("aligned.pth");
    let marks: Vec<f32> = (1..=8).map(|i| f32::from(i as u8) * 1e30).collect();
    let tensors = marks
        .iter()
        .enumerate()
        .map(|(i, &mark)| (format!("{i}"), tensor(&[i + 1], &vec![mark; i + 1])));
    write_pth(&path, &Value::dict(tensors)).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for mark in marks {
        let at = bytes.windows(4).position(|window| window == mark.to_le_bytes()).unwrap();
        assert_eq!(at as u64 % super::super::archive::ALIGNMENT, 0);
    }
}

#[test]
fn a_failure_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pth");
    let state: StateDict =
        [("w".to_owned(), Array::from_f32(&[1], &[1.0]).unwrap())].into_iter().collect();
    write_pth(&path, &Value::from(&state)).unwrap();
    let error =
        write_pth(&path, &Value::dict([("w", Value::Other("a lock".to_owned()))])).unwrap_err();
    assert!(
        error.to_string().ends_with("not supported: writing a lock to a checkpoint"),
        "{error}"
    );
    assert_eq!(read(&path).unwrap().arrays, state.arrays);
    let nowhere = folder.path().join("nowhere/model.pth");
    assert!(matches!(write_pth(&nowhere, &Value::None).unwrap_err().reason, Reason::Io(_)));
}

/// Checks every value of [`training`] as Python sees it, and the two names of one tensor.
const PYTHON: &str = r#"
import math, sys, torch
for mmap in (False, True):
    c = torch.load(sys.argv[1], map_location="cpu", weights_only=True, mmap=mmap)
    m = c["model"]
    assert list(c) == ["model", "trainer", "iteration", "seed", "resumed"], list(c)
    assert m["head.weight"].tolist()[0] == [1.0, -2.5, 3.0] and m["head.weight"][1, 1] == math.inf
    assert m["head.weight"].data_ptr() == m["alias.weight"].data_ptr()
    assert m["scalar"].shape == () and m["scalar"] == 7 and m["empty"].shape == (0, 4)
    assert m["index"].tolist() == [-1, 2**63 - 1] and m["index"].dtype == torch.int64
    assert m["f64"].dtype == torch.float64 and m["f64"].item() == 0.1
    assert m["f16"].tolist() == [1, -2] and m["bf16"].tolist() == [1]
    assert m["i32"].tolist() == [-5] and m["i16"].tolist() == [300] and m["i8"].tolist() == [-1]
    assert m["u8"].tolist() == [0, 128, 255] and m["flags"].tolist() == [True, False]
    o = c["trainer"]["optimizer"]
    assert o["state"][0]["exp_avg"].tolist() == [0.5, 0.25]
    g = o["param_groups"][0]
    assert g["lr"] == 1e-4 and g["betas"] == (0.9, 0.999) and g["foreach"] is None and g["amsgrad"] is False
    assert g["params"] == list(range(2500)) and c["trainer"]["größe"] == "ü"
    assert c["iteration"] == 999 and c["seed"] == -2**40 and c["resumed"] is True
print("agreed")
"#;

#[test]
#[cfg(target_os = "linux")]
fn a_full_device_is_one_error_that_names_the_file_and_leaves_nothing() {
    let error = Reason::Io(io::ErrorKind::StorageFull.into()).at(Path::new("a.pth")).to_string();
    assert!(error.starts_with("a.pth: ") && error.contains("free some space"), "{error}");
    // The archive ends while the device is full, whatever was written before.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let value = training();
    let mut pickle =
        Pickle { bytes: b"\x80\x02".to_vec(), storages: Vec::new(), keys: BTreeMap::new() };
    pickle.value(&value).unwrap();
    let error = write_archive(&mut { full }, &pickle).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn torch_load_reads_the_file_without_running_code() {
    // The set-up puts torch into `.venv`, unless the active Python has it.
    let venv = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv/bin/python");
    let has = |python: &str| {
        let output = Command::new(python).args(["-c", "import torch"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let python = std::env::var("SEQFORMER_TEST_PYTHON")
        .unwrap_or_else(|_unset| if has(venv) { venv } else { "python3" }.to_owned());
    let has_torch = Command::new(&python).args(["-c", "import torch"]).output();
    if !has_torch.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "{python} has no torch");
        eprintln!("SKIPPED: {python} has no torch; set SEQFORMER_TEST_PYTHON to one that has");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.pth");
    write_pth(&path, &training()).unwrap();
    let output = Command::new(&python).arg("-c").arg(PYTHON).arg(&path).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "agreed", "{errors}");
}
