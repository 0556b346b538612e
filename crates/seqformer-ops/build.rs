//! Compiles the C++ shim against the libtorch that torch-sys found.

#[path = "../../compile_cpp.rs"]
mod compile_cpp;

use std::path::PathBuf;

use compile_cpp::Libtorch;

const SOURCES: [&str; 5] = [
    "cpp/c_api.cpp",
    "cpp/block_product.cpp",
    "cpp/cpu_allocator.cpp",
    "cpp/guarded_pool.cpp",
    "cpp/recompute.cpp",
];

fn main() {
    let libtorch = Libtorch::find();
    let headers = std::env::var_os("DEP_SEQFORMER_LIBTORCH_INCLUDE").map(PathBuf::from);
    let headers = headers.expect("seqformer-libtorch tells where its headers are");
    libtorch.compile("seqformer_ops_shim", &SOURCES, &[&headers]);
}
