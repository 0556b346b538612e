//! Compiles the base of the C++ shim, and checks the version of libtorch.

#[path = "../../compile_cpp.rs"]
mod compile_cpp;

use std::path::Path;

use compile_cpp::Libtorch;

/// The versions of libtorch that this program is built and tested with. The first is what `make setup` installs; the second is
/// the first release whose oneDNN (3.11.2) keeps the stack pointer out of the heap.
const LIBTORCH_VERSIONS: [&str; 2] = ["2.11.0", "2.12.1"];

fn main() {
    let libtorch = Libtorch::find();
    check_version(&libtorch.root);
    libtorch.compile("seqformer_libtorch_shim", &["cpp/library.cpp"], &[]);
    println!("cargo:rustc-link-lib=dl");
    // Dependents find the headers by this.
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    println!("cargo:include={}", Path::new(&folder).join("cpp").display());
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
