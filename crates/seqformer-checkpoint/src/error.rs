//! Errors of checkpoint files.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// A checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct CheckpointError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a checkpoint file.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The operating system failed to open, read or write the file.
    #[error("{0}{mend}", mend = mend(.0))]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("expected a .pth, .pkl or .safetensors checkpoint, found {found}; {mend}")]
    NotACheckpoint {
        /// What the file appears to be.
        found: Cow<'static, str>,
        /// What to do about it.
        mend: Cow<'static, str>,
    },
    /// There is no such file.
    #[error("no such file{hint}")]
    NotFound {
        /// What may be meant instead, after a semicolon; or empty.
        hint: String,
    },
    /// Not a file, but the address of one.
    #[error("this is an address, and nothing is downloaded here; {mend}")]
    Address {
        /// How to get the file.
        mend: String,
    },
    /// The tensor names belong to several networks, or only some of them are wrapped.
    #[error(
        "expected names of one network, found several kinds of prefix: {kinds}; the file combines several networks; \
         save a single `model.state_dict()`"
    )]
    MixedNames {
        /// How many names have each prefix, with examples.
        kinds: String,
    },
    /// A file that must not be replaced.
    #[error("{what}")]
    Exists {
        /// Which one, and what to do.
        what: &'static str,
    },
    /// Numbers beyond the range of half precision.
    #[error(
        "tensor {name:?}: {count} of {of} numbers exceed half precision, whose maximum is 65504; omit --half"
    )]
    HalfOverflow {
        /// The tensor.
        name: String,
        /// How many numbers.
        count: usize,
        /// Of how many.
        of: usize,
    },
    /// The bytes violate their format.
    #[error("damaged {format} at byte {offset}: {what}; download or copy it again")]
    Malformed {
        /// The format that the bytes claim to be.
        format: &'static str,
        /// Offset in the file.
        offset: u64,
        /// What was expected and found there.
        what: String,
    },
    /// The pickle refers to something dangerous.
    #[error(
        "the pickle names {global:?} at byte {offset}: expected weights, found code; the file was refused and not \
         executed; use a file of `model.state_dict()` from a trusted source"
    )]
    Refused {
        /// Module and name of the class or function.
        global: String,
        /// Offset in the file.
        offset: u64,
    },
    /// The file is valid, but its kind is not supported.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// One tensor of the file is wrong.
    #[error("tensor {name:?}: {what}")]
    Tensor {
        /// The tensor's name in the file.
        name: String,
        /// What was expected and found.
        what: String,
    },
    /// The file contains no named tensors.
    #[error("expected a dict of named tensors, found {found}")]
    NoTensors {
        /// What the file contains instead.
        found: String,
    },
}

impl Reason {
    /// Adds the file to the reason.
    pub(crate) fn at(self, path: &Path) -> CheckpointError {
        CheckpointError { path: path.to_path_buf(), reason: self }
    }
}

/// What to do about a system error, where known.
fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space and continue: files that were finished before are complete"
        }
        io::ErrorKind::FileTooLarge => {
            "; raise the limit of the size of files (`ulimit -f`), or write to another disk"
        }
        _ => "",
    }
}
