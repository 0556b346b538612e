//! Output of the program: results on standard output, everything else on standard error.

use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use seqformer_files::{OutputError, Outputs};
use serde::Serialize;

use crate::files;

/// What `format` says in files with the numbers of several metrics.
pub const METRICS_FORMAT: &str = "seqformer metrics";

/// Why writing to standard output failed. Results are printed in many places, which all continue with their work: a
/// training is not lost because its log is full.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Prints `text` and a line break and flushes; [`check_printed`] reports whether everything was printed.
pub fn print_line(text: &str) {
    let mut output = io::stdout().lock();
    if let Err(error) = writeln!(output, "{text}").and_then(|()| output.flush()) {
        // Only the first failure is reported.
        let _earlier = FAILED.set(error);
    }
}

/// Prints the output of `--help` or `--version`, with colours on a terminal.
pub fn print_help(shown: &clap::Error) {
    if let Err(error) = shown.print().and_then(|()| io::stdout().flush()) {
        let _earlier = FAILED.set(error);
    }
}

/// Fails if printed output was lost. A reader that has closed the pipe, such as `head`, is not an error.
///
/// # Errors
///
/// If output was lost.
pub fn check_printed() -> Result<()> {
    match FAILED.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // An `io::Error` cannot be cloned, but its code can be copied.
            let error = error
                .raw_os_error()
                .map_or_else(|| io::Error::other(error.to_string()), io::Error::from_raw_os_error);
            Err(error).context("standard output cannot be written; what was printed is incomplete")
        }
        _ => Ok(()),
    }
}

/// Prints a table, and writes the same numbers as JSON if requested. `-` is standard output; the table then goes to
/// standard error.
///
/// # Errors
///
/// If the JSON file cannot be written.
pub fn show(table: &str, numbers: &impl Serialize, json: Option<&Path>) -> Result<()> {
    let Some(path) = json else {
        print_line(table);
        return Ok(());
    };
    let text = serde_json::to_string_pretty(numbers)?;
    if is_standard_output(path) {
        note(table);
        print_line(&text);
        return Ok(());
    }
    files::replace(path, |to| writeln!(to, "{text}"))?;
    print_line(table);
    Ok(())
}

/// Checks before the work that the numbers can be written to this file: it is not an input, and an existing file is a
/// single JSON object, as these numbers are.
///
/// # Errors
///
/// If the file is an input, or is something other than earlier numbers.
pub fn check_json(path: &Path, inputs: &[&Path]) -> Result<()> {
    if is_standard_output(path) {
        return Ok(());
    }
    let mut outputs = Outputs::new(false);
    for input in inputs {
        outputs.add_input(input);
    }
    // Earlier numbers are replaced; annotations, results and anything else are not.
    let is_own = || -> Option<bool> {
        let found: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).ok()?).unwrap_or_default();
        let found = found.as_object()?;
        let is_named =
            found.get("format").and_then(|format| format.as_str()) == Some(METRICS_FORMAT);
        // A history may have a single line.
        let is_history = found.contains_key("unix_seconds");
        let is_known = ["stats", "machine"].iter().any(|key| found.contains_key(*key));
        Some(is_named || is_known && !is_history)
    };
    if path.is_file() && is_own() == Some(true) {
        return Ok(outputs.claim_own(path)?);
    }
    outputs.claim(path).map_err(|error| match error {
        OutputError::Exists { output } => anyhow::anyhow!(
            "--json {}: expected a new file or earlier numbers, found something else of this name; choose another \
             name, or remove the file",
            output.display()
        ),
        other => other.into(),
    })
}

/// Whether a file name stands for standard output.
pub fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-")
}

/// Prints an error with its causes on one line.
pub fn error(error: &anyhow::Error) {
    write_or_ignore(&mut io::stderr().lock(), &format!("error: {}", describe(error)));
}

/// An error with its causes, without repetitions.
pub fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn write_or_ignore(target: &mut dyn Write, text: &str) {
    // There is nowhere left to report this.
    let _gone = writeln!(target, "{text}").and_then(|()| target.flush());
}

/// Prints a message on standard error.
pub fn note(text: &str) {
    write_or_ignore(&mut io::stderr().lock(), text);
}

/// Writes a number with what it counts: `1 video`, `2 videos`.
pub fn counted(count: usize, [one, several]: [&str; 2]) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Says how many videos, frames and objects there are: `1 video of 2 frames with 3 objects`.
pub fn contents(num_videos: usize, num_frames: usize, num_objects: usize) -> String {
    format!(
        "{} of {} with {}",
        counted(num_videos, ["video", "videos"]),
        counted(num_frames, ["frame", "frames"]),
        counted(num_objects, ["object", "objects"])
    )
}
