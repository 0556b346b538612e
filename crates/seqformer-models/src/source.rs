//! What a user means by a text: a path, a name or an address.

use std::path::{Path, PathBuf};

use crate::ModelsError;
use crate::address::{Address, is_name};

/// Endings by which a word is a file and no name.
const ENDINGS: [&str; 8] = ["pth", "pt", "pkl", "safetensors", "bin", "ckpt", "pyth", "tar"];

/// What a text means.
#[derive(Debug)]
pub(crate) enum Source {
    /// A path, whether anything is there or not.
    File(PathBuf),
    /// The name of a model.
    Name(String),
    /// Where a model is to be had.
    Address(Address),
}

/// Tells a path, a name and an address apart.
pub(crate) fn read(text: &str) -> Result<Source, ModelsError> {
    let path = Path::new(text);
    // An address may be the name of a file, too, if somebody wants it.
    if path.exists() || text.is_empty() {
        return Ok(Source::File(path.to_path_buf()));
    }
    if text.starts_with("file://") {
        return Ok(Source::File(path.to_path_buf()));
    }
    if let Some(address) = Address::parse(text) {
        return address.map(Source::Address);
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let is_file = ENDINGS.iter().any(|known| known.eq_ignore_ascii_case(ending));
    Ok(if is_name(text) && !is_file {
        Source::Name(text.to_owned())
    } else {
        Source::File(path.to_path_buf())
    })
}
