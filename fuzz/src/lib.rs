//! What the fuzz targets share: inputs as files, for readers that take a path.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

/// One folder per process. libFuzzer ends the process without destructors, so `scripts/fuzz.sh` sets
/// `TMPDIR` to a folder that it deletes.
static FOLDER: LazyLock<TempDir> =
    LazyLock::new(|| TempDir::new().expect("a temporary folder can be made"));

/// The folder for files of this process.
pub fn folder() -> &'static Path {
    FOLDER.path()
}

/// Writes `bytes` as a file called `name` and runs `body` with its path.
pub fn with_file<R>(name: &str, bytes: &[u8], body: impl FnOnce(&Path) -> R) -> R {
    let path = folder().join(name);
    fs::write(&path, bytes).expect("the temporary folder takes a file");
    body(&path)
}

/// Splits an input into two files at the first line `===`; without one, the first is `default`.
pub fn two_files<'a>(bytes: &'a [u8], default: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    const SEPARATOR: &[u8] = b"\n===\n";
    match bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
        Some(at) => (&bytes[..at], &bytes[at + SEPARATOR.len()..]),
        None => (default, bytes),
    }
}
