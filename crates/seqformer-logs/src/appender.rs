//! A file of records that never keeps a partial record after a crash or a full disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::LogError;

/// A file to which whole records are appended by a single writer.
#[derive(Debug)]
pub(crate) struct Appender {
    path: PathBuf,
    file: File,
    len: u64,
    /// A write failed halfway, and its partial record could not be cut off yet.
    torn: bool,
}

impl Appender {
    /// Opens `path` at its end, or creates it.
    pub(crate) fn open(path: &Path) -> Result<Self, LogError> {
        Self::with_options(path, OpenOptions::new().append(true).create(true))
            .map_err(|source| LogError::Unwritable { path: path.to_owned(), source })
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

    /// Passes a whole `record` to the system; a write that fails halfway leaves nothing in the
    /// file.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written. A later call may succeed.
    pub(crate) fn append(&mut self, record: &[u8]) -> Result<(), LogError> {
        self.try_append(record)
            .map_err(|source| LogError::Unwritable { path: self.path.clone(), source })
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
