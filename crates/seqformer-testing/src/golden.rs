//! Golden files: numbers written by the reference implementation.

use std::fs;
use std::path::{Path, PathBuf};

use seqformer_checkpoint::{CheckpointError, StateDict};
use serde_json::Value;

/// A golden file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", path.display())]
pub struct GoldenError {
    /// The file.
    pub path: PathBuf,
    /// The cause.
    pub what: String,
}

impl GoldenError {
    pub(crate) fn new(path: &Path, what: impl ToString) -> Self {
        Self { path: path.to_path_buf(), what: what.to_string() }
    }
}

/// The folder `tests/golden/<variant>` of the workspace, such as `golden_dir("public")`.
///
/// # Panics
///
/// Panics if there is no such folder: a test without its numbers must not pass.
#[track_caller]
pub fn golden_dir(variant: &str) -> PathBuf {
    golden_path(variant)
}

/// A file of the workspace's `tests/golden`, such as `golden_path("public/tiny_forward.safetensors")`; on a machine
/// without the workspace, of the folder that `SEQFORMER_GOLDEN` names.
///
/// # Panics
///
/// Panics if there is no such file: a test without its numbers must not pass.
#[track_caller]
pub fn golden_path(relative: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let folder = std::env::var_os("SEQFORMER_GOLDEN").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| crates.unwrap_or(Path::new("")).join("tests/golden"));
    let path = folder.join(relative);
    assert!(path.exists(), "{} is missing: put the golden data there", path.display());
    path
}

/// Reads the arrays of a golden safetensors or .pth file.
///
/// # Errors
///
/// Fails like [`seqformer_checkpoint::read`].
pub fn read_arrays(path: &Path) -> Result<StateDict, CheckpointError> {
    seqformer_checkpoint::read(path)
}

/// Reads a golden JSON file.
///
/// # Errors
///
/// Fails if the file cannot be read or is not JSON.
pub fn read_json(path: &Path) -> Result<Value, GoldenError> {
    serde_json::from_slice(&read_bytes(path)?).map_err(|error| GoldenError::new(path, error))
}

/// Reads a golden file of another kind, such as a picture.
///
/// # Errors
///
/// Fails if the file cannot be read.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, GoldenError> {
    fs::read(path).map_err(|error| GoldenError::new(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_tiny_model_hold_the_same_arrays() {
        let folder = golden_dir("public");
        let pth = read_arrays(&folder.join("tiny_model.pth")).unwrap();
        let safetensors = read_arrays(&folder.join("tiny_model.safetensors")).unwrap();
        assert!(pth.len() > 100, "found {} arrays", pth.len());
        for (name, array) in &safetensors {
            assert_eq!(pth.get(name), Some(array), "{name}");
        }
    }

    #[test]
    fn errors_name_the_file() {
        let folder = golden_dir("public");
        let missing = read_json(&folder.join("nowhere.json")).unwrap_err().to_string();
        assert!(missing.contains("public/nowhere.json: "), "{missing}");
        let wrong = read_json(&folder.join("tiny_model.pth")).unwrap_err().to_string();
        assert!(wrong.contains("tiny_model.pth: expected value at line 1"), "{wrong}");
    }

    #[test]
    #[should_panic(expected = "tests/golden/nowhere is missing")]
    fn a_missing_folder_is_loud() {
        golden_dir("nowhere");
    }
}
