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
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_folder_has_one_run_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new/out");
        let lock = FolderLock::take(&folder).unwrap();
        let refused = FolderLock::take(&folder).unwrap_err().to_string();
        assert!(refused.contains("out: another run is writing to this folder"), "{refused}");
        drop(lock);
        drop(FolderLock::take(&folder).unwrap());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn many_at_once_never_hold_the_folder_together() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let Ok(lock) = FolderLock::take(folder.path()) else { continue };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        taken.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        drop(lock);
                    }
                });
            }
        });
        assert!(taken.load(Ordering::SeqCst) > 0);
    }

    #[test]
    fn taking_a_folder_clears_up_after_killed_processes() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".seqformer-dead"), "").unwrap();
        fs::write(folder.path().join(".lock"), "").unwrap();
        drop(FolderLock::take(folder.path()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "").unwrap();
        let message = FolderLock::take(&path).unwrap_err().to_string();
        assert!(message.contains("out: cannot be written"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"");
    }
}
