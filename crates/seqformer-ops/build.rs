//! Compiles the C++ shim against the libtorch that torch-sys found, and checks its version.

use std::path::Path;

const LIBTORCH_VERSION: &str = "2.11.0";

fn main() {
    println!("cargo:rerun-if-changed=cpp");
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
        .file("cpp/recompute.cpp")
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
        found.split('+').next() == Some(LIBTORCH_VERSION),
        "libtorch {found} at {}: version {LIBTORCH_VERSION} is needed; run `make setup`, or point LIBTORCH at it",
        root.display()
    );
}
