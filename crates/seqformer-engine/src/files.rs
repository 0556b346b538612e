//! Writing files so that a crash or a full disk leaves nothing half done.

use std::io::Write as _;
use std::path::Path;

use crate::error::EngineError;

/// Writes `content` to `path` so that readers see the old file or the new one, never a part.
///
/// # Errors
///
/// Fails if the folder or the file cannot be written; then the old file stays as it was.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), EngineError> {
    seqformer_files::replace(path, |file| file.write_all(content))
        .map_err(|source| EngineError::Unwritable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
