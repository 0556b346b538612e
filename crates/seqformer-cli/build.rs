//! Link settings for the one program of this package that uses libtorch.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Not set without the feature `torch`. What `link_libtorch.rs` gives to whole packages is for this program alone.
    if let Some(lib) = std::env::var_os("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg-bin=seqformer-compute=-Wl,-rpath,{}", lib.display());
    }
}
