//! Compiles the C++ around c10d, libtorch's library for groups of processes.

#[path = "../../compile_cpp.rs"]
mod compile_cpp;

use std::path::{Path, PathBuf};

use compile_cpp::Libtorch;

const SOURCES: [&str; 2] = ["cpp/process_group.cpp", "cpp/reduced_gradients.cpp"];

fn main() {
    let headers = std::env::var_os("DEP_SEQFORMER_LIBTORCH_INCLUDE").map(PathBuf::from);
    let headers = headers.expect("seqformer-libtorch tells where its headers are");
    let include = [headers.as_path(), Path::new("cpp/stubs")];
    Libtorch::find().compile("seqformer_distributed_shim", &SOURCES, &include);
}
