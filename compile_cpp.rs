//! Compiles the C++ of a package against libtorch: what the build scripts of these packages share.

use std::path::{Path, PathBuf};

/// The libtorch that torch-sys found.
pub(crate) struct Libtorch {
    /// The folder with its version, its headers and its libraries.
    pub(crate) root: PathBuf,
    /// The folder of its libraries.
    pub(crate) lib: PathBuf,
}

impl Libtorch {
    /// torch-sys exports its library folder to packages that depend on it directly.
    pub(crate) fn find() -> Self {
        let lib = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);
        let lib =
            lib.expect("torch-sys tells where libtorch is; run `make setup` once in the checkout");
        let root = lib.parent().expect("the library folder of libtorch has a parent").to_path_buf();
        Self { root, lib }
    }

    /// Compiles `sources` into the package, and links libtorch.
    pub(crate) fn compile(&self, name: &str, sources: &[&str], include: &[&Path]) {
        println!("cargo:rerun-if-changed=../../compile_cpp.rs");
        println!("cargo:rerun-if-changed=build.rs");
        println!("cargo:rerun-if-changed=cpp");
        let mut build = cc::Build::new();
        build.cpp(true).std("c++17").files(sources).includes(include);
        for headers in ["include", "include/torch/csrc/api/include"] {
            build.flag("-isystem").flag(self.root.join(headers).display().to_string());
        }
        build
            .define("_GLIBCXX_USE_CXX11_ABI", "1")
            .flag_if_supported("-fvisibility=hidden")
            // libtorch's loops over threads are templates of its headers: without this they run on one.
            .flag("-fopenmp")
            .compile(name);
        let lib = self.lib.display();
        println!("cargo:rustc-link-search=native={lib}");
        for name in ["torch_cpu", "c10"] {
            println!("cargo:rustc-link-lib={name}");
        }
        println!("cargo:rustc-link-lib=dylib:+verbatim={}", self.openmp_runtime());
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }

    /// File name of the OpenMP runtime that libtorch itself uses: the threads are shared with it.
    fn openmp_runtime(&self) -> String {
        let files = std::fs::read_dir(&self.lib).into_iter().flatten().flatten();
        let names = files.filter_map(|file| file.file_name().into_string().ok());
        names
            .min_by_key(|name| !name.starts_with("libgomp"))
            .filter(|name| name.starts_with("libgomp"))
            .unwrap_or_else(|| "libgomp.so.1".to_owned())
    }
}
