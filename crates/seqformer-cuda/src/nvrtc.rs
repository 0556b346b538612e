//! NVRTC, NVIDIA's compiler as a library: from the kernels' sources to the code of one kind of GPU.
//!
//! It comes with the CUDA build of torch and needs neither a GPU nor its driver.

#[expect(unsafe_code, reason = "calls of a library that is opened at run time")]
mod binding;

use std::path::{Path, PathBuf};

use seqformer_libtorch::open_library;

const COMPILER: &str = "libnvrtc.so.13";
/// What the compiler itself opens by this name; it is found where it is opened before.
const BUILTINS: &str = "libnvrtc-builtins.so.13.0";
/// Where the packages of CUDA lie, as seen from the folder of libtorch's libraries.
const BESIDE_TORCH: [&str; 2] = ["../../nvidia/cu13/lib", "."];

/// A text of the kernels and the name by which others include it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// What a compilation gives.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// A CUBIN.
    pub(crate) binary: Vec<u8>,
    /// Warnings, and for each kernel the registers and the memory that it takes.
    pub(crate) log: String,
}

/// Compiles a source for GPUs of `architecture`, as 90 for compute capability 9.0.
///
/// The error is the compiler's log, or says which library is missing.
pub(crate) fn compile(
    source: Source,
    headers: &[Source],
    architecture: u32,
) -> Result<Compiled, String> {
    let architecture = format!("--gpu-architecture=sm_{architecture}");
    binding::compile(
        &library()?,
        source,
        headers,
        &[&architecture, "--std=c++17", "--ptxas-options=-v"],
    )
}

/// Opens the compiler, and returns the path by which it is found.
pub(crate) fn library() -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(torch) = folder_of_torch() {
        folders.extend(BESIDE_TORCH.iter().map(|folder| torch.join(folder)));
    }
    // Last by name alone, which the loader looks for along its own path.
    folders.push(PathBuf::new());
    let mut reason = String::new();
    for folder in folders {
        match open(&folder) {
            Ok(()) => return Ok(folder.join(COMPILER)),
            Err(error) => reason = error,
        }
    }
    Err(format!("NVRTC, which comes with the CUDA build of torch, cannot be opened: {reason}"))
}

fn open(folder: &Path) -> Result<(), String> {
    for name in [BUILTINS, COMPILER] {
        let path = folder.join(name);
        open_library(&path).map_err(|message| {
            format!("{}: the library cannot be opened: {message}", path.display())
        })?;
    }
    Ok(())
}

/// The folder of the libtorch that runs here, whatever links lead to it.
fn folder_of_torch() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().find_map(|line| {
        let path = Path::new(line.get(line.find('/')?..)?);
        (path.file_name()? == "libtorch_cpu.so").then_some(path)
    })?;
    Some(path.canonicalize().ok()?.parent()?.to_path_buf())
}

#[cfg(test)]
mod tests;
