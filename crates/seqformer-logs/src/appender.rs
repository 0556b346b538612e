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
mod tests {
    use std::fs;

    use super::Appender;

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/a.svg");
        let error = Appender::open(&path).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }

    #[test]
    fn records_follow_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        fs::write(&path, "one\n").unwrap();
        let mut file = Appender::open(&path).unwrap();
        file.append(b"two\n").unwrap();
        file.append(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        assert!(Appender::create_new(&path).is_err());
    }

    #[test]
    fn what_a_failed_write_left_is_cut_off_before_the_next_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let mut file = Appender::open(&path).unwrap();
        file.append(b"one\n").unwrap();
        fs::write(&path, "one\ntw").unwrap();
        file.torn = true;
        file.append(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nthree\n");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let mut file = Appender::open(std::path::Path::new("/dev/full")).unwrap();
        let error = file.append(b"one\n").unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: cannot be written"), "{error}");
    }
}
