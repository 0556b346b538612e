//! Files and folders that receive their final name when they are complete.
//!
//! Until then they have a hidden name beside their final one. The writer holds a lock on the file, which the system
//! releases when the process ends, for whatever reason. A file without a lock was left behind by a killed process, and
//! [`remove_leftovers`] removes it.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::identity::{folder_of, is_name_of, resolve};

/// Prefix of temporary names.
const PREFIX: &str = ".seqformer-";

/// Temporary names that this process is using.
static OWN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Attempts to find a name, if another process removes the file as a leftover before it is locked.
const ATTEMPTS: usize = 16;

/// Writes `path` atomically: readers see either the old file or the new one.
///
/// If anything fails, the old file is unchanged and nothing is left beside it. On return, the file is durable under its
/// name. Links are followed, and the permissions of an earlier file are kept. Special files, such as `/dev/stdout` or a
/// named pipe, are written to and never replaced.
///
/// # Errors
///
/// Whatever `fill` returns, and a folder or file that cannot be written.
pub fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let mut file = File::options().write(true).open(path)?;
        fill(&mut file)?;
        return file.flush();
    }
    let mut temporary = TemporaryFile::beside(path, ".tmp")?;
    fill(temporary.file_mut())?;
    temporary.persist(path)
}

/// A file being written beside its final name; it is removed unless [`TemporaryFile::persist`] is called.
#[derive(Debug)]
pub struct TemporaryFile {
    file: NamedTempFile,
    _known: Known,
}

impl TemporaryFile {
    /// Creates a file in the folder of `path`; its name ends in `suffix`.
    ///
    /// # Errors
    ///
    /// The folder does not exist or cannot be written.
    pub fn beside(path: &Path, suffix: &str) -> io::Result<Self> {
        let resolved = resolve(path);
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(suffix);
        open_to_others(&mut builder, 0o666);
        let folder = folder_of(&resolved).to_path_buf();
        let is_mine = |file: &NamedTempFile| own(file.as_file(), file.path());
        let file = first_own(|| builder.tempfile_in(&folder), is_mine)?;
        let known = Known::new(file.path());
        Ok(Self { file, _known: known })
    }

    /// The open file.
    pub fn file_mut(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Another handle of the file.
    ///
    /// # Errors
    ///
    /// The system has no more handles.
    pub fn reopen(&self) -> io::Result<File> {
        self.file.reopen()
    }

    /// The temporary name, for another program that writes the file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Makes the file durable and gives it its final name.
    ///
    /// # Errors
    ///
    /// The file cannot be written to disk or renamed; it is then removed.
    pub fn persist(self, path: &Path) -> io::Result<()> {
        let path = resolve(path);
        if let Ok(earlier) = std::fs::metadata(&path)
            && earlier.is_file()
        {
            self.file.as_file().set_permissions(earlier.permissions())?;
        }
        self.file.as_file().sync_all()?;
        self.file.persist(&path).map_err(|error| error.error)?;
        sync_folder(folder_of(&path))
    }
}

/// A folder being filled beside its final name; it is removed unless [`TemporaryFolder::keep`] is called.
#[derive(Debug)]
pub struct TemporaryFolder {
    folder: TempDir,
    /// Tells other processes that this one is alive.
    _lock: Option<File>,
    _known: Known,
}

impl TemporaryFolder {
    /// Creates a folder in the folder of `path`.
    ///
    /// # Errors
    ///
    /// That folder does not exist or cannot be written.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let resolved = resolve(path);
        let mut builder = Builder::new();
        builder.prefix(PREFIX);
        open_to_others(&mut builder, 0o777);
        let make = || {
            let folder = builder.tempdir_in(folder_of(&resolved))?;
            // If a folder cannot be opened, no process takes it for a leftover either.
            let lock = File::open(folder.path()).ok();
            Ok((folder, lock))
        };
        let is_mine = |(folder, lock): &(TempDir, Option<File>)| match lock {
            Some(lock) => own(lock, folder.path()),
            None => Ok(true),
        };
        let (folder, lock) = first_own(make, is_mine)?;
        let known = Known::new(folder.path());
        Ok(Self { folder, _lock: lock, _known: known })
    }

    /// The current path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps the folder under the name that it was moved to.
    pub fn keep(self) {
        let _moved: PathBuf = self.folder.keep();
    }

    /// Removes the folder and what is in it.
    ///
    /// # Errors
    ///
    /// Something in it cannot be removed.
    pub fn close(self) -> io::Result<()> {
        self.folder.close()
    }
}

/// The entry of a temporary file or folder in this process's list, for as long as it exists.
#[derive(Debug)]
struct Known(PathBuf);

impl Known {
    fn new(path: &Path) -> Self {
        OWN.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_path_buf());
        Self(path.to_path_buf())
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        OWN.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != self.0);
    }
}

/// Removes all temporary files and folders of this process, before a signal ends it.
///
/// Whatever is still being written to them is lost, and giving one its final name fails.
pub fn remove_own() {
    let own = std::mem::take(&mut *OWN.lock().unwrap_or_else(PoisonError::into_inner));
    for path in own {
        // What cannot be removed is a leftover for the next run.
        let removed = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        drop(removed);
    }
}

/// Removes the temporary files and folders in `folder` whose writers have ended, and returns their number.
///
/// Files of running processes stay, and so does everything on file systems without locks.
///
/// # Errors
///
/// The folder cannot be listed; a folder that does not exist has no leftovers.
pub fn remove_leftovers(folder: &Path) -> io::Result<usize> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        let is_temporary = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let kind = entry.file_type()?;
        if !is_temporary || !(kind.is_file() || kind.is_dir()) {
            continue;
        }
        let path = entry.path();
        // A process that ends meanwhile removes its own.
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_err() {
            continue;
        }
        let gone = if kind.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        removed += usize::from(gone.is_ok());
    }
    Ok(removed)
}

/// Creates temporary files until one is locked before another process removes it.
fn first_own<T>(
    mut make: impl FnMut() -> io::Result<T>,
    is_mine: impl Fn(&T) -> io::Result<bool>,
) -> io::Result<T> {
    for _ in 0..ATTEMPTS {
        let made = make()?;
        if is_mine(&made)? {
            return Ok(made);
        }
    }
    Err(io::Error::other("temporary files vanish as soon as they are made"))
}

/// Locks a file that was just created; false if another process took it for a leftover first.
fn own(file: &File, path: &Path) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => is_name_of(path, file),
        Err(TryLockError::WouldBlock) => Ok(false),
        // Without locks no process can take it for a leftover.
        Err(TryLockError::Error(_unsupported)) => Ok(true),
    }
}

/// The usual permissions: `mode` without the bits of the user's umask.
#[cfg(unix)]
fn open_to_others(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn open_to_others(_builder: &mut Builder<'_, '_>, _mode: u32) {}

/// Makes the names in a folder durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
