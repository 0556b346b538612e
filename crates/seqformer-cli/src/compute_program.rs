//! The second program, which runs the network: how the command becomes it, and how the two check each other.
//!
//! Both are built from this package and installed into one folder. The command replaces itself (`exec`) with the second
//! program, passing the same arguments, so its caller sees a single process: one id, one standard input and output, one
//! receiver of signals, and one exit code. Signals are neither blocked nor handled before that.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Error, Result, anyhow, bail};

/// Its file name, beside the command.
pub const NAME: &str = "seqformer-compute";

/// The environment variable through which the command passes its version; a second program of another version refuses
/// to run.
pub const VERSION_VARIABLE: &str = "SEQFORMER_COMMAND_VERSION";

/// The version of both programs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The remedy for two programs that do not belong together.
const MEND: &str = "build or install both together: `cargo build --release`, or `cargo install --path \
                    crates/seqformer-cli`, \
                    without `--no-default-features`";

/// Replaces this process with the second program, with the same arguments and the same `argv[0]`. Returns only on
/// failure, with the reason.
pub fn replace_this_process() -> Error {
    match std::env::current_exe().context("cannot find this program") {
        Ok(command) => become_program(&command),
        Err(error) => error,
    }
}

/// Whether the second program is beside the command.
pub fn is_there() -> bool {
    std::env::current_exe().is_ok_and(|command| command.with_file_name(NAME).exists())
}

/// The second program, to be started beside this process.
///
/// # Errors
///
/// If this program cannot be found.
pub fn command() -> Result<Command> {
    let command = std::env::current_exe().context("cannot find this program")?;
    let mut second = Command::new(command.with_file_name(NAME));
    second.env(VERSION_VARIABLE, VERSION);
    Ok(second)
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

/// Checks that the command that this program replaced has the same version. A program that was started directly passes.
///
/// # Errors
///
/// If the versions differ.
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

/// Makes `ps`, `top` and `killall` show this process under the name of the command. Systems other than Linux use the
/// name of the file.
pub fn be_called_as_the_command() {
    let _elsewhere = std::fs::write("/proc/self/comm", "seqformer");
}
