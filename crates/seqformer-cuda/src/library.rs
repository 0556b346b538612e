//! `libseqformer_cuda`, a shared library that is opened when a GPU is requested.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

static GIVEN: OnceLock<PathBuf> = OnceLock::new();

/// Names the library of an installed package, instead of the one that was built with this program. What is named first
/// stays.
pub fn use_library(path: PathBuf) {
    GIVEN.get_or_init(|| path);
}

/// The path of the library.
///
/// # Errors
///
/// Why this program has none.
pub fn path() -> Result<PathBuf, String> {
    if let Some(given) = GIVEN.get() {
        return Ok(given.clone());
    }
    let Some(built) = option_env!("SEQFORMER_CUDA_LIBRARY") else {
        let reason = option_env!("SEQFORMER_CUDA_MISSING").unwrap_or("its headers were missing");
        return Err(format!("{reason}; run `make setup` and build again, or use the CPU"));
    };
    Ok(installed(Path::new(built)))
}

/// The library beside the program if there is one, otherwise the one that was built with it.
fn installed(built: &Path) -> PathBuf {
    let name = built.file_name().unwrap_or_default();
    let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(name)));
    beside.filter(|path| path.exists()).unwrap_or_else(|| built.to_path_buf())
}
