//! At most one run at a time in a folder.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::identity::is_name_of;
use crate::temporary::remove_leftovers;

/// The file that is locked. The system releases the lock when the process ends, for whatever reason.
const NAME: &str = ".lock";

/// Why a folder cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error(
        "{}: another run is writing to this folder; wait until it has finished, or choose another folder",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder cannot be created or written.
    #[error("{}: cannot be written: {source}", path.display())]
    Unwritable {
        /// The folder, or the lock file in it.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// A folder that only this process writes to, until this value is dropped.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    file: Option<File>,
}

impl FolderLock {
    /// Creates the folder if it is missing, locks it, and removes leftovers of killed processes.
    ///
    /// # Errors
    ///
    /// Another process holds the lock, or the folder cannot be written.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let unwritable = |path: &Path, source| LockError::Unwritable { path: path.into(), source };
        std::fs::create_dir_all(folder).map_err(|source| unwritable(folder, source))?;
        let path = folder.join(NAME);
        let failed = |source| unwritable(&path, source);
        let file = loop {
            let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
            match file.try_lock() {
                // The previous owner may have removed the file meanwhile.
                Ok(()) if is_name_of(&path, &file).map_err(failed)? => break Some(file),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::InUse { folder: folder.to_path_buf() });
                }
                // A file system without locks.
                Err(TryLockError::Error(source)) if source.kind() == io::ErrorKind::Unsupported => {
                    break None;
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        };
        remove_leftovers(folder).map_err(|source| unwritable(folder, source))?;
        Ok(Self { path, file })
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // While it is locked: a process that opens it from now on creates a new one. If removal fails, the file does no
        // harm.
        let _removed = std::fs::remove_file(&self.path);
        drop(self.file.take());
    }
}

#[cfg(test)]
mod tests;
