//! Atomic replacement of files.

use std::io::Write as _;
use std::path::Path;

use crate::error::EngineError;

/// Writes `content` to `path` atomically: readers see either the old file or the new one.
///
/// # Errors
///
/// Fails if the folder or the file cannot be written; the old file is then unchanged.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), EngineError> {
    seqformer_files::replace(path, |file| file.write_all(content))
        .map_err(|source| EngineError::Unwritable { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::replace;

    #[test]
    fn replacing_leaves_the_new_content_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        replace(&path, b"old and long").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no/a.svg");
        let error = replace(&path, b"x").unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
    }
}
