//! Writing files so that a crash or a full disk leaves nothing half done.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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

/// The path beside `path` with the first free number before its ending, as `model_final.1.pth`.
pub(crate) fn unused_sibling(path: &Path) -> PathBuf {
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let candidate = |number: u32| path.with_extension(format!("{number}.{extension}"));
    let mut number = 1;
    while candidate(number).symlink_metadata().is_ok() {
        number += 1;
    }
    candidate(number)
}

/// A file that grows by whole records and has one writer.
#[derive(Debug)]
pub(crate) struct Appender {
    path: PathBuf,
    file: File,
    len: u64,
    /// A write failed halfway and what it left could not be cut off yet.
    torn: bool,
}

impl Appender {
    /// Opens `path` at its end, or creates it.
    pub(crate) fn open(path: &Path) -> Result<Self, EngineError> {
        Self::with_options(path, OpenOptions::new().append(true).create(true))
            .map_err(|source| EngineError::Unwritable { path: path.to_owned(), source })
    }

    /// Creates `path`; an existing file is an error of kind `AlreadyExists`.
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        Self::with_options(path, OpenOptions::new().append(true).create_new(true))
    }

    fn with_options(path: &Path, options: &OpenOptions) -> io::Result<Self> {
        let file = options.open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, len, torn: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands `record` to the system, whole: of a write that fails halfway nothing stays in the file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written. A later call may succeed.
    pub(crate) fn append(&mut self, record: &[u8]) -> Result<(), EngineError> {
        self.try_append(record)
            .map_err(|source| EngineError::Unwritable { path: self.path.clone(), source })
    }

    fn try_append(&mut self, record: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.len)?;
            self.torn = false;
        }
        if let Err(error) = self.file.write_all(record) {
            self.torn = self.file.set_len(self.len).is_err();
            return Err(error);
        }
        self.len += record.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
