//! Atomic replacement of files.

use std::io::Write as _;
use std::path::Path;

use crate::error::EngineError;

/// Writes `content` to `path` atomically: readers see either the old file or the new one.
///
/// # Errors
///
/// Fails if the folder or the file cannot be written; the old file is then unchanged.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), EngineError> {
    seqformer_files::replace(path, |file| file.write_all(content))
        .map_err(|source| EngineError::Unwritable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
