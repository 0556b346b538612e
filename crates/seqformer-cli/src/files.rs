//! Atomic replacement of files, with errors that name the file.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};

/// Replaces `path` with what `write` writes, so that readers see either the old file or the new one.
///
/// # Errors
///
/// If the file cannot be written.
pub fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> std::io::Result<()>,
) -> Result<()> {
    let fill = |file: &mut File| {
        let mut writer = BufWriter::new(file);
        write(&mut writer)?;
        writer.flush()
    };
    seqformer_files::replace(path, fill)
        .with_context(|| format!("{}: cannot be written", path.display()))
}
