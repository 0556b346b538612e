//! The command as a user runs it.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod bench;
mod distributed;
mod front_door;
mod nothing_lost;
mod predict;
mod score;
#[cfg(target_os = "linux")]
mod signals;
mod train;
mod weights;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

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

/// The same with `input` on its standard input.
fn seqformer_reading(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("its standard input is a pipe");
    stdin.write_all(input).expect("the program reads to the end");
    drop(stdin);
    child.wait_with_output().expect("the program ends")
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
