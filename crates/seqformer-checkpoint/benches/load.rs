//! How long reading a checkpoint takes, and how much memory beyond its tensors.
//!
//! ```text
//! cargo bench -p seqformer-checkpoint --bench load -- [--file FILE]
//! ```
//!
//! Without a file, 200 MB of tensors are written as .pth and as .safetensors and read by a fresh process each. A run
//! as a test takes one megabyte.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use seqformer_checkpoint::{Array, StateDict, Value, read, write_pth, write_safetensors};

const MEBIBYTE: usize = 1 << 20;
const NUM_TENSORS: usize = 200;
/// The argument by which the bench calls itself to read.
const READ: &str = "--read-only";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value_of = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1).map(PathBuf::from)
    };
    if let Some(file) = value_of(READ) {
        return measure(&file);
    }
    if let Some(file) = value_of("--file") {
        return in_fresh_process(&file);
    }
    let folder = tempfile::tempdir()?;
    // Other arguments are for the harness of the tests beside this one.
    let num_tensors = if args.iter().any(|arg| arg == "--bench") { NUM_TENSORS } else { 1 };
    let mut state = StateDict::new();
    for index in 0..num_tensors {
        let values = vec![index as f32; MEBIBYTE / size_of::<f32>()];
        state.insert(format!("layer.{index}.weight"), Array::from_f32(&[values.len()], &values)?);
    }
    let (pth, safetensors) =
        (folder.path().join("model.pth"), folder.path().join("model.safetensors"));
    write_pth(&pth, &Value::dict([("model", Value::from(&state))]))?;
    write_safetensors(&safetensors, &state)?;
    drop(state);
    in_fresh_process(&pth)?;
    in_fresh_process(&safetensors)
}

fn in_fresh_process(file: &Path) -> Outcome<()> {
    let arguments = [READ.as_ref(), file.as_os_str()];
    let status = Command::new(std::env::current_exe()?).args(arguments).status()?;
    if status.success() { Ok(()) } else { Err("reading failed".into()) }
}

/// Reads once, and prints seconds, the bytes of the tensors and the growth of the peak of memory.
fn measure(file: &Path) -> Outcome<()> {
    let before = peak_mib();
    let start = Instant::now();
    let state = read(file)?;
    let secs = start.elapsed().as_secs_f64();
    let bytes: usize = state.iter().map(|(_, array)| array.bytes().len()).sum();
    let tensors_mib = bytes as f64 / MEBIBYTE as f64;
    let grown = match (before, peak_mib()) {
        (Some(before), Some(after)) => format!("{:.0} MiB more at the peak", after - before),
        _ => "peak unknown".to_owned(),
    };
    println!("{}: {secs:.3} s, tensors of {tensors_mib:.0} MiB, {grown}", file.display());
    Ok(())
}

/// The greatest resident size of this process so far; Linux alone says it.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}
