//! A file to which every measurement adds a line, so that speed can be followed over time and machines.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::Value;

use super::report::BenchReport;

/// The key by which a line of a history is known.
const TIME: &str = "unix_seconds";

/// A line of a history.
#[derive(Debug, Serialize)]
struct Line<'a> {
    unix_seconds: u64,
    version: &'static str,
    commit: Option<&'static str>,
    bench: &'static str,
    #[serde(flatten)]
    report: &'a BenchReport,
}

/// Checks before the work that a line can be added: the file is new, empty, or a history, and not that of `--json`.
pub(super) fn check(path: &Path, json: Option<&Path>) -> Result<()> {
    let shown = path.display();
    if json.is_some_and(|json| json == path) {
        bail!("--history {shown}: expected another file than that of --json; choose another name");
    }
    if !path.exists() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            bail!(
                "--history {shown}: expected a file in an existing folder; make the folder first"
            );
        }
        return Ok(());
    }
    let mut first = Vec::new();
    let file = File::open(path).with_context(|| format!("--history {shown}"))?;
    BufReader::new(file)
        .read_until(b'\n', &mut first)
        .with_context(|| format!("--history {shown}"))?;
    let is_history = first.is_empty()
        || serde_json::from_slice::<Value>(&first).is_ok_and(|line| line.get(TIME).is_some());
    if !is_history {
        bail!(
            "--history {shown}: expected a new file or a history of this command, found something else of this name; \
             choose another name"
        );
    }
    Ok(())
}

/// Adds a measurement.
pub(super) fn append(path: &Path, report: &BenchReport) -> Result<()> {
    let line = Line {
        unix_seconds: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("SEQFORMER_COMMIT").filter(|commit| !commit.is_empty()),
        bench: "bench",
        report,
    };
    let mut text = serde_json::to_string(&line)? + "\n";
    // A program that was ended may have left a part of a line.
    if std::fs::read(path).is_ok_and(|found| found.last().is_some_and(|&last| last != b'\n')) {
        text.insert(0, '\n');
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("--history {}: the measurement cannot be added", path.display()))
}
