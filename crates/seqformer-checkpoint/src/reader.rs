//! Reads the tensors of a checkpoint of any kind.

use std::path::Path;

use crate::error::{CheckpointError, Reason};
use crate::file_kind::{self, FileKind};
use crate::source::Source;
use crate::{StateDict, pkl, pth, safetensors};

/// Reads the checkpoint at `path`, whatever its extension.
///
/// # Errors
///
/// Fails if the file cannot be read, is not a checkpoint, is damaged, or refers to dangerous code; see [`Reason`].
pub fn read(path: &Path) -> Result<StateDict, CheckpointError> {
    file_kind::open(path)
        .and_then(|mut source| read_source(&mut source))
        .map_err(|reason| reason.at(path))
}

/// Reads a checkpoint in memory.
///
/// # Errors
///
/// Fails like [`read`].
pub fn read_bytes(bytes: Vec<u8>) -> Result<StateDict, Reason> {
    read_source(&mut Source::from_bytes(bytes))
}

/// Reads a checkpoint from its first byte on.
pub(crate) fn read_source(source: &mut Source) -> Result<StateDict, Reason> {
    match file_kind::detect(source)? {
        FileKind::Zip => pth::read_zip(source),
        FileKind::Stream => pth::read_legacy(source),
        FileKind::Safetensors => safetensors::read(source),
        FileKind::Pickle(graph) => pkl::read(source, &graph),
    }
}

#[cfg(test)]
mod tests;
