//! Free names beside an existing file.

use std::path::{Path, PathBuf};

/// The path beside `path` with the first free number before its extension, such as
/// `model_final.1.pth`.
pub fn unused_sibling(path: &Path) -> PathBuf {
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let candidate = |number: u32| path.with_extension(format!("{number}.{extension}"));
    let mut number = 1;
    while candidate(number).symlink_metadata().is_ok() {
        number += 1;
    }
    candidate(number)
}
