//! Compiles `cpp` into `libseqformer_cuda`, a shared library, because it needs libtorch's CUDA part.

#[path = "../../compile_cpp.rs"]
#[expect(dead_code, reason = "this library is not linked but opened")]
mod compile_cpp;
mod cuda_headers;

use std::path::{Path, PathBuf};

use compile_cpp::Libtorch;
use cuda_headers::folder_of;

const FILE: &str = "libseqformer_cuda.so";

/// One header of each package of CUDA that libtorch's headers include.
const HEADERS: [&str; 7] = [
    "cuda_runtime_api.h",
    "crt/host_defines.h",
    "nv/target",
    "cublas_v2.h",
    "cusolverDn.h",
    "cusparse.h",
    "nccl.h",
];

fn main() {
    println!("cargo:rerun-if-changed=../../compile_cpp.rs");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cuda_headers.rs");
    println!("cargo:rerun-if-changed=cpp");
    println!("cargo:rerun-if-changed=kernels");
    let libtorch = Libtorch::find();
    let headers = std::env::var_os("DEP_SEQFORMER_LIBTORCH_INCLUDE").map(PathBuf::from);
    let headers = headers.expect("seqformer-libtorch tells where its headers are");
    println!("cargo:rerun-if-changed={}", headers.display());
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libtorch.lib.display());
    match build(&libtorch, &headers) {
        Ok(path) => println!("cargo:rustc-env=SEQFORMER_CUDA_LIBRARY={}", path.display()),
        Err(reason) => {
            println!("cargo:rustc-env=SEQFORMER_CUDA_MISSING={}", reason.replace('\n', " "));
        }
    }
}

/// Compiles it, or says what is missing.
fn build(libtorch: &Libtorch, headers: &Path) -> Result<PathBuf, String> {
    let (root, lib) = (libtorch.root.as_path(), libtorch.lib.as_path());
    if !lib.join("libtorch_cuda.so").exists() {
        return Err("libtorch was built without CUDA".to_owned());
    }
    let mut includes = Vec::new();
    for header in HEADERS {
        let folder = folder_of(header, root, Path::new("../..")).ok_or_else(|| {
            format!("the header {header} was missing when this program was built")
        })?;
        includes.push(folder);
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join(FILE);
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").flag("-fvisibility=hidden").pic(true).cargo_metadata(false);
    let mut compiler = build.get_compiler().to_command();
    compiler.arg("-shared").arg("-o").arg(&out);
    compiler.args(sources()).arg("-I").arg(headers);
    includes.push(root.join("include"));
    includes.push(root.join("include/torch/csrc/api/include"));
    for folder in includes {
        compiler.arg("-isystem").arg(folder);
    }
    compiler.arg(format!("-L{}", lib.display())).arg(format!("-Wl,-rpath,{}", lib.display()));
    compiler.args(["-ltorch_cuda", "-lc10_cuda", "-ltorch_cpu", "-lc10"]);
    let done =
        compiler.output().map_err(|error| format!("the compiler cannot be started: {error}"))?;
    if done.status.success() {
        return Ok(out);
    }
    let words = String::from_utf8_lossy(&done.stderr).into_owned();
    let first = words.lines().find(|line| line.contains("error")).unwrap_or("no reason").to_owned();
    println!("cargo:warning=no GPU: {first}");
    Err(format!("it could not be compiled: {first}"))
}

/// All C++ files of the library.
fn sources() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("cpp").into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "cpp"));
    files.sort();
    files
}
