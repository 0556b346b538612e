//! Writing files in one step.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};

/// Replaces `path` by what `write` writes, so that readers see the old file or the new one, never a part.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> std::io::Result<()>,
) -> Result<()> {
    let replace = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        let file = tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(folder)?;
        let mut writer = BufWriter::new(file.as_file());
        write(&mut writer)?;
        writer.flush()?;
        drop(writer);
        make_readable(file.as_file())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    replace().with_context(|| format!("{}: cannot be written", path.display()))
}

/// Copies the first bytes of a file, all but `left_out` of them.
pub(crate) fn copy_start(
    path: &Path,
    left_out: u64,
    to: &mut BufWriter<&File>,
) -> std::io::Result<()> {
    let file = File::open(path)?;
    let length = file.metadata()?.len().saturating_sub(left_out);
    std::io::copy(&mut file.take(length), to).map(|_length| ())
}

/// Temporary files are private; results are read by others.
#[cfg(unix)]
fn make_readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
