//! Writing a file in one step.

use std::fs::File;
use std::io;
use std::path::Path;

/// Fills a new file and moves it to `path`: readers see the old file or the new one, never a part.
///
/// If anything fails, the old file stays as it was.
pub(crate) fn write(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // The sibling has to be in the same folder, because a rename cannot cross file systems.
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut temporary = tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(folder)?;
    fill(temporary.as_file_mut())?;
    persist(temporary, path, folder)
}

/// Makes the temporary file durable and moves it into place.
fn persist(temporary: tempfile::NamedTempFile, path: &Path, folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Temporary files are private; checkpoints are read by others.
        let permissions = std::fs::Permissions::from_mode(0o644);
        temporary.as_file().set_permissions(permissions)?;
    }
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
