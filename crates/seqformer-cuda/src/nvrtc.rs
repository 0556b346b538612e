//! NVRTC, NVIDIA's compiler as a library: from the kernels' sources to the code of one kind of GPU.
//!
//! It comes with the CUDA build of torch and needs neither a GPU nor its driver.

#[expect(unsafe_code, reason = "calls of a library that is opened at run time")]
mod binding;
mod cache;

use std::path::{Path, PathBuf};

use seqformer_libtorch::open_library;

/// The compiler of one CUDA version.
struct Release {
    compiler: &'static str,
    /// A library that the compiler opens by this name; it is found if it has been opened before.
    builtins: &'static str,
    /// Its package's folder, relative to the folder of libtorch's libraries.
    beside_torch: &'static str,
}

/// The versions for which torch 2.11 is built, newest first.
const RELEASES: [Release; 3] = [
    Release {
        compiler: "libnvrtc.so.13",
        builtins: "libnvrtc-builtins.so.13.0",
        beside_torch: "../../nvidia/cu13/lib",
    },
    Release {
        compiler: "libnvrtc.so.12",
        builtins: "libnvrtc-builtins.so.12.8",
        beside_torch: "../../nvidia/cuda_nvrtc/lib",
    },
    Release {
        compiler: "libnvrtc.so.12",
        builtins: "libnvrtc-builtins.so.12.6",
        beside_torch: "../../nvidia/cuda_nvrtc/lib",
    },
];

/// A source text of the kernels, and the name by which others include it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// The result of a compilation.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// A CUBIN.
    pub(crate) binary: Vec<u8>,
    /// Warnings, and the registers and memory that each kernel uses.
    pub(crate) log: String,
}

/// The options for GPUs of `architecture`, as 90 for compute capability 9.0.
fn options(architecture: u32) -> [String; 3] {
    let architecture = format!("--gpu-architecture=sm_{architecture}");
    [architecture, "--std=c++17".to_owned(), "--ptxas-options=-v".to_owned()]
}

/// Compiles a source for GPUs of `architecture`, or uses the result of an earlier process.
///
/// The error is the compiler's log, or says which library is missing.
pub(crate) fn compile_once(
    source: Source,
    headers: &[Source],
    architecture: u32,
) -> Result<Compiled, String> {
    let options = options(architecture);
    let name = cache::file_name(source, headers, &options.each_ref().map(String::as_str));
    let path = cache::default_folder().map(|folder| folder.join(name));
    cache::read_or_compile(path.as_deref(), || compile(source, headers, architecture))
}

/// Compiles a source for GPUs of `architecture`.
fn compile(source: Source, headers: &[Source], architecture: u32) -> Result<Compiled, String> {
    let options = options(architecture);
    binding::compile(&library()?, source, headers, &options.each_ref().map(String::as_str))
}

/// Opens the compiler, and returns the path by which it is found.
///
/// The one that belongs to this libtorch lies beside it. Otherwise any that the loader finds will do, because kernels are
/// compiled for the GPU and not for a library.
pub(crate) fn library() -> Result<PathBuf, String> {
    let mut reasons = Vec::new();
    if let Some(torch) = folder_of_torch() {
        for release in &RELEASES {
            for folder in [release.beside_torch, "."] {
                match release.open(&torch.join(folder)) {
                    Ok(path) => return Ok(path),
                    Err(error) => reasons.push(error),
                }
            }
        }
    }
    // By name alone, which the loader looks for along its own path.
    for release in &RELEASES {
        match release.open(Path::new("")) {
            Ok(path) => return Ok(path),
            Err(error) => reasons.push(error),
        }
    }
    let first = reasons.first().map_or("", String::as_str);
    Err(format!("NVRTC, which comes with the CUDA build of torch, cannot be opened: {first}"))
}

impl Release {
    fn open(&self, folder: &Path) -> Result<PathBuf, String> {
        for name in [self.builtins, self.compiler] {
            let path = folder.join(name);
            open_library(&path).map_err(|message| {
                format!("{}: the library cannot be opened: {message}", path.display())
            })?;
        }
        Ok(folder.join(self.compiler))
    }
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
mod tests {
    use super::*;
    use crate::kernels::modules::{
        ADD_NORM, ATTENTION_BACKWARD, ATTENTION_FORWARD, CONV_EPILOGUE, DYNAMIC_MASKS, HEADERS,
        NORMALIZE_FRAMES, PACK_MASKS,
    };

    /// Whether NVRTC is available. A CPU build of torch lacks it, which CI does not accept.
    fn is_here() -> bool {
        let Err(reason) = library() else { return true };
        let is_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!is_ci, "{reason}");
        eprintln!("skipped: {reason}");
        false
    }

    #[test]
    fn every_kernel_compiles_without_a_warning_and_keeps_its_numbers_in_registers() {
        if !is_here() {
            return;
        }
        let modules = [
            &ATTENTION_FORWARD,
            &ATTENTION_BACKWARD,
            &DYNAMIC_MASKS,
            &PACK_MASKS,
            &NORMALIZE_FRAMES,
            &CONV_EPILOGUE,
            &ADD_NORM,
        ];
        for architecture in [80, 90] {
            for module in modules {
                let name = module.source.name;
                let compiled = compile(module.source, &HEADERS, architecture).unwrap();
                assert!(compiled.binary.starts_with(b"\x7fELF"), "{name} is no binary");
                let log = &compiled.log;
                let words = log.lines().filter(|line| !line.starts_with("ptxas"));
                assert_eq!(words.collect::<String>(), "", "{name} for sm_{architecture}");
                let found: Vec<&str> = log
                    .lines()
                    .filter_map(|line| {
                        line.split_once("Compiling entry function '")?.1.split('\'').next()
                    })
                    .collect();
                for kernel in module.kernels {
                    assert!(found.contains(kernel), "{kernel} is not in {name}: {found:?}");
                }
                assert_eq!(
                    found.len(),
                    module.kernels.len(),
                    "{name} has kernels that are not named"
                );
                let without_spills =
                    log.matches("0 bytes spill stores, 0 bytes spill loads").count();
                assert_eq!(without_spills, found.len(), "{name} for sm_{architecture}: {log}");
            }
        }
    }

    #[test]
    fn what_does_not_compile_is_an_error_with_the_compilers_words() {
        if !is_here() {
            return;
        }
        let source =
            Source { name: "wrong.cu", text: "__global__ void kernel() { undeclared(); }" };
        let message = compile(source, &[], 90).unwrap_err();
        assert!(message.contains("wrong.cu(1)") && message.contains("undeclared"), "{message}");
        let message = compile(ATTENTION_FORWARD.source, &HEADERS, 1).unwrap_err();
        assert!(message.contains("gpu-architecture"), "{message}");
    }
}
