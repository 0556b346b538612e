//! What the program says: results on standard output, trouble on standard error.

use std::io::{self, Write};
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use seqformer_files::{OutputError, Outputs};
use serde::Serialize;

use crate::files;

/// What `format` says in files with the numbers of several metrics.
pub const METRICS_FORMAT: &str = "seqformer metrics";

/// Why standard output no longer takes anything. Results are printed in many places, and all of them go on with
/// their work first: a training is not lost because its log is full.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Prints `text` and a line end at once; [`check_printed`] tells whether all of it could be printed.
pub fn print_line(text: &str) {
    let mut output = io::stdout().lock();
    if let Err(error) = writeln!(output, "{text}").and_then(|()| output.flush()) {
        // Only the first failure says why.
        let _earlier = FAILED.set(error);
    }
}

/// Prints what `--help` or `--version` ask for, with the colours of a terminal.
pub fn print_help(shown: &clap::Error) {
    if let Err(error) = shown.print().and_then(|()| io::stdout().flush()) {
        let _earlier = FAILED.set(error);
    }
}

/// Fails if something that was printed got lost; a reader that has gone, as `head` does, is no error.
///
/// # Errors
///
/// If that is so.
pub fn check_printed() -> Result<()> {
    match FAILED.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // An error of the system is not to be copied, its code is.
            let error = error
                .raw_os_error()
                .map_or_else(|| io::Error::other(error.to_string()), io::Error::from_raw_os_error);
            Err(error).context("standard output cannot be written; what was printed is incomplete")
        }
        _ => Ok(()),
    }
}

/// Prints a table, and writes the same numbers as JSON where they are wanted. `-` is standard output; the table then goes to
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

/// Makes sure, before the work, that the numbers can go to this file: it is no input, and whatever is there is one
/// object of JSON, as these numbers are.
///
/// # Errors
///
/// If the file is an input, or something else than earlier numbers.
pub fn check_json(path: &Path, inputs: &[&Path]) -> Result<()> {
    if is_standard_output(path) {
        return Ok(());
    }
    let mut outputs = Outputs::new(false);
    for input in inputs {
        outputs.add_input(input);
    }
    // Numbers are replaced by newer ones; annotations, results and all else are not.
    let is_own = || -> Option<bool> {
        let found: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path).ok()?).unwrap_or_default();
        let found = found.as_object()?;
        let is_named =
            found.get("format").and_then(|format| format.as_str()) == Some(METRICS_FORMAT);
        Some(is_named || ["stats", "machine"].iter().any(|key| found.contains_key(*key)))
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

/// Whether a file's name stands for standard output.
pub fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-")
}

/// Prints an error with its causes on one line.
pub fn error(error: &anyhow::Error) {
    write_or_ignore(&mut io::stderr().lock(), &format!("error: {}", describe(error)));
}

/// An error with its causes, without saying anything twice.
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
    // There is nobody left to tell.
    let _gone = writeln!(target, "{text}").and_then(|()| target.flush());
}

/// Prints a remark on standard error.
pub fn note(text: &str) {
    write_or_ignore(&mut io::stderr().lock(), text);
}
