//! What the two programs of the command share; it needs no tensor library.
//!
//! `seqformer` (`bin/seqformer`) is the command. It does not link libtorch, so it starts at once. It parses the
//! arguments and runs what needs no network: `synth`, `score`, `report`, `weights`, `data`, `results`, `config`,
//! `completions`, help and the version. For `predict`, `train`, `eval` and `bench` it replaces itself with `seqformer-compute`
//! (`bin/seqformer-compute`), which links libtorch: see [`compute_program`].
//!
//! Only this package parses arguments, prints to standard output and exits the process.

#![forbid(unsafe_code)]

pub mod args;
pub mod class_names;
pub mod compute_program;
pub mod console;
pub mod download_bar;
pub mod files;
pub mod output;
pub mod process;
pub mod progress;
pub mod settings;
pub mod weights_source;
