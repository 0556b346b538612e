//! Compares this implementation with tensors of the Python reference, stage by stage.
//!
//! `parity [--device DEVICE] DIR…` takes folders laid out like those of `tests/golden`, and folders of such folders. It
//! prints one line per tensor: name, largest absolute difference, tolerance, and `ok` or `OFF`; the
//! last line counts them. Cases that this version cannot run are listed as `not yet` and counted apart.
//! The exit code is 0 only if nothing is off or missing. Tolerances are those of the CPU on every device.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for developers reports on the terminal"
)]

mod arrays;
mod cases;
mod network;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use seqformer_cuda::device::Tf32Scope;
use seqformer_engine::{Device, DeviceChoice, open_device};

use report::ParityReport;

const USAGE: &str = "usage: parity [--device cpu|cuda|cuda:N] DIR...   (folders laid out like those of tests/golden)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((choice, folders)) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(choice, &folders) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("parity: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// The device and the folders.
fn parse(arguments: &[String]) -> Option<(DeviceChoice, Vec<PathBuf>)> {
    let (choice, folders) = match arguments {
        [option, device, folders @ ..] if option == "--device" => (device.parse().ok()?, folders),
        folders => (DeviceChoice::Cpu, folders),
    };
    let is_wrong = folders.is_empty() || folders.iter().any(|folder| folder.starts_with('-'));
    (!is_wrong).then(|| (choice, folders.iter().map(PathBuf::from).collect()))
}

fn run(choice: DeviceChoice, folders: &[PathBuf]) -> Result<ExitCode> {
    let device = open_device(choice)?;
    // Stages are called by themselves, outside of what sets the precision for them.
    let _full_precision = match device {
        Device::Cuda(_) => {
            Some(Tf32Scope::begin(false).context("TF32 cannot be turned off on the GPU")?)
        }
        _ => None,
    };
    let mut report = ParityReport::new(device, &|line| println!("{line}"));
    for folder in folders {
        compare(folder, &mut report);
    }
    for fallback in seqformer_cuda::fallbacks::all() {
        println!("fallback: {fallback}");
    }
    let outcome = report.finish();
    println!("{outcome}");
    Ok(if outcome.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs every case of a folder, or of the folders in it.
fn compare(folder: &Path, report: &mut ParityReport<'_>) {
    let name = folder
        .canonicalize()
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    report.set_folder(&name.unwrap_or_else(|| folder.display().to_string()));
    if cases::run(folder, report) {
        return;
    }
    let mut inner: Vec<PathBuf> = folder
        .read_dir()
        .map(|entries| {
            entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.is_dir())
                .collect()
        })
        .unwrap_or_default();
    inner.sort();
    inner.retain(|path| cases::is_known(path));
    if inner.is_empty() {
        report.missing(
            "golden files",
            &format!("{} has none of the known layouts", folder.display()),
        );
    }
    for path in inner {
        compare(&path, report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_may_be_named_before_the_folders() {
        let parse = |text: &str| {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            parse(&words).map(|(choice, folders)| (choice, folders.len()))
        };
        assert_eq!(parse("a b"), Some((DeviceChoice::Cpu, 2)));
        assert_eq!(parse("--device cuda:1 a"), Some((DeviceChoice::Cuda(1), 1)));
        for wrong in ["", "--device", "--device cuda", "--device gpu a", "a --device cuda", "-h"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
