//! Recordings of CUDA graphs that fail: the steps by which they are undone, with a libtorch that fails at each of its
//! own, and on a GPU with libtorch itself.
//!
//! Opening libtorch's CUDA part changes the tables of operations that all threads read, so this test is a program of
//! its own.

mod on_a_gpu;

use std::path::Path;
use std::process::Command;

/// The steps of `main.cpp` that may fail.
const STEPS: [&str; 8] = [
    "register",
    "begin device memory",
    "begin host memory",
    "begin stream",
    "item",
    "end stream",
    "no graph",
    "instantiate",
];

#[test]
fn a_recording_that_fails_at_any_step_leaves_nothing_behind() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recording/main.cpp");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recording");
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let mut compile = Command::new(&compiler);
    compile.args(["-std=c++17", "-Wall"]).arg(&source).arg("-o").arg(&program);
    let done = compile.output().expect("the compiler of the crate is here");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for step in STEPS {
        let done = Command::new(&program).arg(step).output().expect("the program can be started");
        assert!(done.status.success(), "{step}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
