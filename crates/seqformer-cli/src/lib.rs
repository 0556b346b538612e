//! What the two programs of the command share; it needs no tensor library.
//!
//! `seqformer` (`bin/seqformer`) is the command. It links no libtorch, so it starts at once. It reads the arguments, and
//! runs what needs no network: `synth`, `score`, `weights`, `data`, `config`, `completions`, help and the version. For
//! `predict`, `train`, `eval` and `bench` it replaces itself by `seqformer-compute` (`bin/seqformer-compute`), which links
//! libtorch: see [`compute_program`].
//!
//! Only this package parses arguments, prints to standard output and ends the process.

#![forbid(unsafe_code)]

pub mod args;
pub mod class_names;
pub mod compute_program;
pub mod console;
pub mod files;
pub mod output;
pub mod process;
pub mod progress;
pub mod settings;
