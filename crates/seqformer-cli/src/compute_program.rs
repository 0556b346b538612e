//! The second program, which runs the network: how the command becomes it, and how it knows the command.
//!
//! Both are built from this package and installed into one folder. The command replaces itself (`exec`) by the second
//! program with the same arguments, so that whoever started it sees one process: with one id, one standard input and
//! output, one receiver of signals, and one exit code. Signals are neither blocked nor handled before that moment.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Error, Result, anyhow, bail};

/// Its file name, beside the command.
pub const NAME: &str = "seqformer-compute";

/// The environment variable by which the command tells its version; a second program of another version refuses to run.
pub const VERSION_VARIABLE: &str = "SEQFORMER_COMMAND_VERSION";

/// The version of both.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What mends a pair of programs that do not belong together.
const MEND: &str = "build or install both together: `cargo build --release`, or `cargo install --path \
                    crates/seqformer-cli`, \
                    without `--no-default-features`";

/// Replaces this process by the second program, with the same arguments and the same name of the program; comes back
/// only with the reason why that failed.
pub fn replace_this_process() -> Error {
    match std::env::current_exe().context("cannot find this program") {
        Ok(command) => become_program(&command),
        Err(error) => error,
    }
}

fn become_program(command: &Path) -> Error {
    let program = command.with_file_name(NAME);
    let mut words = std::env::args_os();
    let mut replacement = Command::new(&program);
    if let Some(name) = words.next() {
        replacement.arg0(name);
    }
    let error = replacement.args(words).env(VERSION_VARIABLE, VERSION).exec();
    let found = match error.kind() {
        ErrorKind::NotFound if !program.exists() => "found no such file".to_owned(),
        _ => format!("found a file that cannot be started: {error}"),
    };
    anyhow!(
        "{}: expected the program for predict, train, eval and bench, of version {VERSION} as {}, {found}; {MEND}",
        program.display(),
        command.display()
    )
}

/// Makes sure that the command which this program has replaced is of the same version. One that was started by itself
/// goes on.
///
/// # Errors
///
/// If they are of different versions.
pub fn check_command() -> Result<()> {
    match std::env::var_os(VERSION_VARIABLE) {
        Some(found) if found != OsStr::new(VERSION) => {
            let program = std::env::current_exe().unwrap_or_else(|_unknown| NAME.into());
            bail!(
                "{}: expected to be started by `seqformer` of version {VERSION} as this program, found version {}; {MEND}",
                program.display(),
                found.display()
            )
        }
        _ => Ok(()),
    }
}

/// Has `ps`, `top` and `killall` know this process by the name of the command. Systems other than Linux go by the file.
pub fn be_called_as_the_command() {
    let _elsewhere = std::fs::write("/proc/self/comm", "seqformer");
}
