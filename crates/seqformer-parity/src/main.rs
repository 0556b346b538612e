//! Compares this implementation with tensors of the Python reference, stage by stage.
//!
//! `parity DIR…` takes folders laid out like those of `tests/golden`, and folders of such folders. It
//! prints one line per tensor: name, largest absolute difference, tolerance, and `ok` or `OFF`; the
//! last line counts them. Cases that this version cannot run are listed as `not yet` and counted apart.
//! The exit code is 0 only if nothing is off or missing.
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

use report::ParityReport;

fn main() -> ExitCode {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if folders.is_empty()
        || folders.iter().any(|folder| folder.as_os_str().to_string_lossy().starts_with('-'))
    {
        eprintln!("usage: parity DIR...   (folders laid out like those of tests/golden)");
        return ExitCode::from(2);
    }
    let mut report = ParityReport::new(&|line| println!("{line}"));
    for folder in &folders {
        compare(folder, &mut report);
    }
    let outcome = report.finish();
    println!("{outcome}");
    if outcome.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
