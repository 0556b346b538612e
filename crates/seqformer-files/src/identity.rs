//! Whether two paths refer to the same file.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// The path that a name resolves to: links are followed as far as they exist, and the rest is kept.
pub(crate) fn resolve(path: &Path) -> PathBuf {
    if let Ok(resolved) = path.canonicalize() {
        return resolved;
    }
    // A link to something that does not exist yet resolves to its target.
    if let Ok(target) = path.read_link()
        && let Some(folder) = path.parent()
    {
        let target = folder.join(target);
        // A single step only, because links may be cyclic.
        return resolve_parent(&target);
    }
    resolve_parent(path)
}

fn resolve_parent(path: &Path) -> PathBuf {
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
        return path.to_path_buf();
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    match parent.canonicalize() {
        Ok(parent) => parent.join(name),
        Err(_missing) => resolve_parent(parent).join(name),
    }
}

/// The folder that contains a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether `path` is still the name of the open `file`.
pub(crate) fn is_name_of(path: &Path, file: &File) -> io::Result<bool> {
    let named = match std::fs::symlink_metadata(path) {
        Ok(named) => named,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(are_one(&named, &file.metadata()?))
}

/// Whether both paths exist and refer to one file, also through hard links.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    match (std::fs::metadata(a), std::fs::metadata(b)) {
        (Ok(found_a), Ok(found_b)) => {
            resolve(a) == resolve(b) || (found_a.is_file() && are_one(&found_a, &found_b))
        }
        _ => false,
    }
}

#[cfg(unix)]
fn are_one(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    a.dev() == b.dev() && a.ino() == b.ino()
}

#[cfg(not(unix))]
fn are_one(_a: &Metadata, _b: &Metadata) -> bool {
    // Other systems do not delete a file that is open, and hard links are rare there.
    true
}
