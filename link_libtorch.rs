//! Link settings for a package that uses libtorch. Cargo does not pass them on to dependents.

#![expect(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

fn main() {
    println!("cargo:rerun-if-changed=../../link_libtorch.rs");
    if let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") {
        // Without a run path of its own a test or binary does not find libtorch. `libtorch_cuda` is
        // deliberately not linked: it is opened at run time when a CUDA device is asked for.
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
}
