//! What the program says: results on standard output, trouble on standard error.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::files;

/// Prints `text` and a line end; a reader that has gone, as `head` does, is no error.
pub(crate) fn print_line(text: &str) {
    write_or_ignore(&mut std::io::stdout().lock(), text);
}

/// Prints a table, and writes the same numbers as JSON where they are wanted. `-` is standard output; the table then goes to
/// standard error.
pub(crate) fn show(table: &str, numbers: &impl Serialize, json: Option<&Path>) -> Result<()> {
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

/// Whether a file's name stands for standard output.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    path == Path::new("-")
}

/// Prints an error with its causes on one line.
pub(crate) fn error(error: &anyhow::Error) {
    write_or_ignore(&mut std::io::stderr().lock(), &format!("error: {}", describe(error)));
}

/// An error with its causes, without saying anything twice.
pub(crate) fn describe(error: &anyhow::Error) -> String {
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
pub(crate) fn note(text: &str) {
    write_or_ignore(&mut std::io::stderr().lock(), text);
}
