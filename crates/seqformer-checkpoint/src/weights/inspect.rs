//! The content of a weight file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Architecture;
use crate::error::{CheckpointError, Reason};
use crate::key_map::{Dialect, MapReport, recognize, to_vnext};
use crate::{DType, StateDict, read};

/// The content of a weight file.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The program whose names it has.
    pub dialect: Dialect,
    /// The backbone, if it is a known one.
    pub architecture: Option<Architecture>,
    /// Rows of the class head, if there is one.
    pub num_classes: Option<usize>,
    /// Tensors in the file.
    pub num_tensors: usize,
    /// Elements of all tensors; shared ones count once.
    pub num_elements: usize,
    /// Number of tensors of each type.
    pub dtypes: BTreeMap<DType, usize>,
    /// The file's size in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: String,
    /// Tensors with non-finite numbers, and how many.
    pub not_finite: Vec<String>,
    /// What translating the names to VNext does.
    pub names: MapReport,
    /// The tensors under their own names.
    pub state: StateDict,
}

/// Reads a weight file and describes its content.
///
/// # Errors
///
/// Fails like [`crate::read`].
pub fn inspect(path: &Path) -> Result<Inspection, CheckpointError> {
    let state = read(path)?;
    let at = |reason: Reason| reason.at(path);
    let (sha256, size_bytes) = digest(path).map_err(|error| at(Reason::Io(error)))?;
    let mapping = to_vnext(state.clone(), None).map_err(at)?;
    let head = state.iter().find(|(name, _)| is_class_head(name));
    let mut dtypes = BTreeMap::new();
    let mut seen = BTreeMap::new();
    for (_, array) in &state {
        *dtypes.entry(array.dtype()).or_insert(0) += 1;
        seen.insert((array.address(), array.bytes().len()), array.num_elements());
    }
    Ok(Inspection {
        dialect: recognize(&state),
        architecture: Architecture::of(&mapping.state),
        num_classes: head.and_then(|(_, array)| array.shape().first().copied()),
        num_tensors: state.len(),
        num_elements: seen.values().sum(),
        dtypes,
        size_bytes,
        sha256,
        not_finite: state.not_finite(),
        names: mapping.report,
        state,
    })
}

fn is_class_head(name: &str) -> bool {
    name.ends_with("class_embed.0.bias")
}

/// SHA-256 and length of a file, computed without loading it.
fn digest(path: &Path) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    let mut len = 0;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
        len += count as u64;
    }
    let mut digits = String::with_capacity(64);
    for byte in digest.finalize() {
        // Writing to a string does not fail.
        let _written = write!(digits, "{byte:02x}");
    }
    Ok((digits, len))
}
