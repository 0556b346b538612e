//! The folder of the results: the one that the user names, or a new one.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use seqformer_files::{FolderLock, LockError};

/// Where folders are made that the user does not name.
const DEFAULT: &str = "output/predict";
/// The file of [`FolderLock`].
const LOCK: &str = ".lock";

/// A folder that only this run writes to.
#[derive(Debug)]
pub(super) struct ResultsFolder {
    pub(super) path: PathBuf,
    /// Whether the same command will choose another one.
    is_new: bool,
    _lock: FolderLock,
}

impl ResultsFolder {
    /// Takes the folder `given`, or one of `output/predict` that is named after the first input and has nothing in it.
    ///
    /// # Errors
    ///
    /// If another run uses it, or it cannot be written.
    pub(super) fn open(given: Option<&Path>, name: &str) -> Result<Self> {
        if let Some(path) = given {
            let lock = FolderLock::take(path).map_err(with_mend)?;
            return Ok(Self { path: path.to_path_buf(), is_new: false, _lock: lock });
        }
        Self::open_new(Path::new(DEFAULT), name)
    }

    fn open_new(parent: &Path, name: &str) -> Result<Self> {
        // The folder `.` has no name of its own.
        let name = Path::new(name).file_name().map_or("video".into(), OsStr::to_string_lossy);
        let mut number = 1;
        loop {
            let suffix = if number == 1 { String::new() } else { format!("_{number}") };
            let path = parent.join(format!("{name}{suffix}"));
            number += 1;
            if !is_unused(&path) {
                continue;
            }
            match FolderLock::take(&path) {
                // Another run may have finished in between.
                Ok(lock) if is_unused(&path) => {
                    return Ok(Self { path, is_new: true, _lock: lock });
                }
                Ok(_) | Err(LockError::InUse { .. }) => {}
                Err(error) => return Err(with_mend(error)),
            }
        }
    }

    /// What to say to a user who has stopped the run.
    pub(super) fn how_to_resume(&self) -> String {
        if self.is_new {
            let path = self.path.display();
            return format!("stopped; to resume, repeat the command with --output {path}");
        }
        "stopped; repeat the command to resume".to_owned()
    }
}

/// Adds what to do about a folder that cannot be written.
fn with_mend(error: LockError) -> anyhow::Error {
    match error {
        LockError::Unwritable { .. } => {
            anyhow!("{error}; choose a folder that you may write to, with --output")
        }
        LockError::InUse { .. } => error.into(),
    }
}

/// Whether there is nothing of this name, or a folder in which only a lock is. Where this cannot be told, taking the lock says
/// why.
fn is_unused(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().all(|entry| entry.file_name() == LOCK),
        Err(error) => match error.kind() {
            ErrorKind::NotADirectory => false,
            ErrorKind::NotFound => path.symlink_metadata().is_err(),
            _ => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_with_the_mend() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        std::fs::write(&file, "").unwrap();
        let said = ResultsFolder::open(Some(&file.join("found")), "a").unwrap_err().to_string();
        assert!(
            said.contains("file/found: cannot be written") && said.ends_with("with --output"),
            "{said}"
        );
    }

    #[test]
    fn folders_are_counted_up_and_never_shared() {
        let parent = tempfile::tempdir().unwrap();
        let name = |folder: &ResultsFolder| folder.path.file_name().unwrap().to_owned();
        let open = || ResultsFolder::open_new(parent.path(), "street").unwrap();
        let first = open();
        assert_eq!(name(&first), "street");
        // Used by another run, though nothing is in it yet.
        assert_eq!(name(&open()), "street_2");
        // A run that has written nothing leaves its name to the next.
        drop(first);
        assert_eq!(name(&open()), "street");
        std::fs::write(parent.path().join("street/videos.json"), "{}").unwrap();
        std::fs::write(parent.path().join("street_2/note.txt"), "mine").unwrap();
        std::fs::write(parent.path().join("street_3"), "a file").unwrap();
        let next = open();
        assert_eq!(name(&next), "street_4");
        assert!(
            next.how_to_resume().contains("--output") && next.how_to_resume().contains("street_4")
        );
    }
}
