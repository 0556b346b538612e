//! The command as a user runs it. What runs the network needs the feature `torch`.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

#[cfg(feature = "torch")]
mod bench;
mod curation;
mod data;
mod data_show;
#[cfg(feature = "torch")]
mod distributed;
#[cfg(feature = "torch")]
mod evaluation;
#[cfg(feature = "torch")]
mod front_door;
mod init;
mod models;
#[cfg(feature = "torch")]
mod nothing_lost;
#[cfg(feature = "torch")]
mod predict;
mod report;
mod results;
#[cfg(feature = "torch")]
mod save;
mod score;
#[cfg(all(feature = "torch", target_os = "linux"))]
mod signals;
#[cfg(feature = "torch")]
mod swin;
mod synth;
mod tools;
#[cfg(feature = "torch")]
mod train;
mod two_programs;
mod weights;
#[cfg(feature = "torch")]
mod without_config;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use seqformer_testing::golden_path;

/// `seqformer` with these arguments, on one thread: the tests are many processes at once, and the threads
/// of each would wait for one another.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seqformer"));
    command.args(arguments).env("OMP_NUM_THREADS", "1");
    command.env_remove("RUST_LOG").env_remove("SEQFORMER_FFMPEG");
    command
}

/// Runs `seqformer` with these arguments.
fn seqformer(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of the golden folder `public`, as an argument.
fn golden(name: &str) -> String {
    golden_path("public").join(name).display().to_string()
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

/// A small SeqFormer on a miniature dataset in `projects/SeqFormer/configs/XXX.yaml`; `more` are lines of YAML.
fn write_config(folder: &Path, datasets: &str, more: &str) -> PathBuf {
    let path = folder.join("projects/SeqFormer/configs/XXX.yaml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!(
        "_BASE_: {}
MODEL:
  WEIGHTS: ''
  BACKBONE: {{FREEZE_AT: 0}}
  SeqFormer: {{NUM_CLASSES: 40}}
INPUT:
  SAMPLING_FRAME_NUM: 2
  MIN_SIZE_TRAIN: (48, 64)
  MIN_SIZE_TEST: 64
DATASETS:
{datasets}
DATALOADER: {{NUM_WORKERS: 1}}
SOLVER:
  IMS_PER_BATCH: 4
  MAX_ITER: 4
  STEPS: (3,)
  CHECKPOINT_PERIOD: 2
OUTPUT_DIR: ./SeqFormer_YTVIS19
{more}
",
        golden("tiny_config.yaml")
    );
    fs::write(&path, text).unwrap();
    path
}
