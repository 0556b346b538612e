//! Compiles the C++ shim against the libtorch that torch-sys found, and checks its version.

use std::path::Path;

/// The versions of libtorch that this program is built and tested with. The first is what `make setup` installs; the second is
/// the first release whose oneDNN (3.11.2) keeps the stack pointer out of the heap.
const LIBTORCH_VERSIONS: [&str; 2] = ["2.11.0", "2.12.1"];

fn main() {
    println!("cargo:rerun-if-changed=cpp");
    println!("cargo:rerun-if-changed=cuda");
    println!("cargo:rerun-if-changed=build.rs");
    // torch-sys exports its library folder to packages that depend on it directly.
    let lib = std::env::var("DEP_TCH_LIBTORCH_LIB")
        .expect("torch-sys tells where libtorch is; run `make setup` once in the checkout");
    let root = Path::new(&lib).parent().expect("the library folder of libtorch has a parent");
    check_version(root);
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .file("cpp/c_api.cpp")
        .file("cpp/block_product.cpp")
        .file("cpp/cpu_allocator.cpp")
        .file("cpp/guarded_pool.cpp")
        .file("cpp/process_group.cpp")
        .file("cpp/recompute.cpp")
        .file("cpp/reduced_gradients.cpp")
        .include("cpp/stubs")
        .flag("-isystem")
        .flag(root.join("include").display().to_string())
        .flag("-isystem")
        .flag(root.join("include/torch/csrc/api/include").display().to_string())
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .flag_if_supported("-fvisibility=hidden")
        // libtorch's loops over threads are templates of its headers: without this they run on one.
        .flag("-fopenmp")
        .compile("seqformer_ops_shim");
    println!("cargo:rustc-link-search=native={lib}");
    for name in ["torch_cpu", "c10"] {
        println!("cargo:rustc-link-lib={name}");
    }
    println!("cargo:rustc-link-lib=dylib:+verbatim={}", openmp_runtime(&lib));
    println!("cargo:rustc-link-lib=dl");
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    println!("cargo:libtorch_lib={lib}");
    match cuda_part::build(root, Path::new(&lib)) {
        Ok(path) => println!("cargo:rustc-env=SEQFORMER_CUDA_LIBRARY={}", path.display()),
        Err(reason) => {
            println!("cargo:rustc-env=SEQFORMER_CUDA_MISSING={}", reason.replace('\n', " "));
        }
    }
}

/// The part for GPUs, `cpp/cuda`: a shared library, because it needs libtorch's CUDA part.
mod cuda_part {
    use std::path::{Path, PathBuf};

    const FILE: &str = "libseqformer_cuda.so";

    /// Compiles it, or says what is missing.
    pub(crate) fn build(root: &Path, lib: &Path) -> Result<PathBuf, String> {
        if !lib.join("libtorch_cuda.so").exists() {
            return Err("libtorch was built without CUDA".to_owned());
        }
        let mut includes = Vec::new();
        for header in ["cuda_runtime_api.h", "crt/host_defines.h", "nv/target", "nccl.h"] {
            let folder = folder_of(header, root).ok_or_else(|| {
                format!("the header {header} was missing when this program was built")
            })?;
            includes.push(folder);
        }
        let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join(FILE);
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17").flag("-fvisibility=hidden").pic(true).cargo_metadata(false);
        let mut compiler = build.get_compiler().to_command();
        compiler.arg("-shared").arg("-o").arg(&out);
        compiler.args(sources());
        includes.push(root.join("include"));
        includes.push(root.join("include/torch/csrc/api/include"));
        for folder in includes {
            compiler.arg("-isystem").arg(folder);
        }
        compiler.arg(format!("-L{}", lib.display())).arg(format!("-Wl,-rpath,{}", lib.display()));
        compiler.args(["-ltorch_cuda", "-lc10_cuda", "-ltorch_cpu", "-lc10"]);
        let done = compiler
            .output()
            .map_err(|error| format!("the compiler cannot be started: {error}"))?;
        if done.status.success() {
            return Ok(out);
        }
        let words = String::from_utf8_lossy(&done.stderr).into_owned();
        let first =
            words.lines().find(|line| line.contains("error")).unwrap_or("no reason").to_owned();
        println!("cargo:warning=no GPU: {first}");
        Err(format!("it could not be compiled: {first}"))
    }

    /// All C++ files of the part.
    fn sources() -> Vec<PathBuf> {
        let entries = std::fs::read_dir("cpp/cuda").into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "cpp"));
        files.sort();
        files
    }

    /// The folder with a header: beside torch, where its packages for CUDA lie, in the environment that
    /// `make setup` made, or in a CUDA toolkit.
    fn folder_of(header: &str, root: &Path) -> Option<PathBuf> {
        let workspace = Path::new("../..");
        let mut sites: Vec<PathBuf> = root.parent().map(Path::to_path_buf).into_iter().collect();
        if let Ok(entries) = std::fs::read_dir(workspace.join(".venv/lib")) {
            sites.extend(entries.flatten().map(|entry| entry.path().join("site-packages")));
        }
        let parts = ["nvidia/cu13/include", "nvidia/cu13/include/cccl", "nvidia/nccl/include"];
        let mut folders: Vec<PathBuf> =
            sites.iter().flat_map(|site| parts.iter().map(|part| site.join(part))).collect();
        folders.push(PathBuf::from("/usr/local/cuda/include"));
        let folder = folders.into_iter().find(|folder| folder.join(header).exists())?;
        Some(folder.canonicalize().unwrap_or(folder))
    }
}

/// File name of the OpenMP runtime that libtorch itself uses: the threads are shared with it.
fn openmp_runtime(lib: &str) -> String {
    let files = std::fs::read_dir(lib).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    names
        .min_by_key(|name| !name.starts_with("libgomp"))
        .filter(|name| name.starts_with("libgomp"))
        .unwrap_or_else(|| "libgomp.so.1".to_owned())
}

/// The shim and tch are written for one version of libtorch; another one fails in odd ways later.
fn check_version(root: &Path) {
    let file = root.join("version.py");
    let Ok(text) = std::fs::read_to_string(&file) else { return };
    let found = text.lines().find_map(|line| line.strip_prefix("__version__ = '"));
    let found = found.map_or("?", |rest| rest.trim_end_matches('\''));
    assert!(
        found.split('+').next().is_some_and(|found| LIBTORCH_VERSIONS.contains(&found)),
        "libtorch {found} at {}: version {} is needed; run `make setup`, or point LIBTORCH at it",
        root.display(),
        LIBTORCH_VERSIONS.join(" or ")
    );
}
